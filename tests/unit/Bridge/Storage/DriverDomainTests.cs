using HostBridge.Guests;
using HostBridge.Recovery;
using Protocol.Xenstore.Client;
using Tests.Unit.Xenstore;
using Xunit;

namespace Tests.Unit.Bridge.Storage;

/// <summary>
/// From xenstore to devices of this host: only what a backend in this domain serves has a number here.
/// </summary>
public sealed class DriverDomainTests : IAsyncLifetime
{
    private readonly StoreStage _stage = new();

    public ValueTask InitializeAsync()
    {
        _stage.Store.IntroduceDomain(3, "driver");
        _stage.Store.IntroduceDomain(5, "web", "00000005-0000-0000-0000-000000000000");
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => _stage.DisposeAsync();

    [Fact]
    public async Task A_physical_device_is_read_from_the_backends_side_in_hexadecimal()
    {
        Serve(0, "vbd", 51712, "fd:12");
        Serve(0, "vbd", 51728, "8:10");
        GuestDisks disks = await ReadAsync();
        Assert.Equal([new DeviceNumber(253, 18), new DeviceNumber(8, 16)], disks.Devices);
        Assert.Empty(disks.Unmappable);
    }

    [Fact]
    public async Task A_driver_domain_whose_numbers_are_the_same_as_some_of_dom0_closes_the_gate()
    {
        Serve(0, "vbd", 51712, "8:0");
        Serve(3, "vbd", 51728, "8:0");
        GuestDisks disks = await ReadAsync();
        Assert.Equal([new DeviceNumber(8, 0)], disks.Devices);
        Assert.Equal(["vbd 51728, whose backend is in another domain,"], disks.Unmappable);

        var book = new DiskBook(TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(20));
        book.Update(new DiskCondition(new DeviceNumber(8, 0), Operational: true, "well", []), TimeSpan.Zero);
        book.Update(new DiskCondition(new DeviceNumber(8, 0), Operational: true, "well", []), TimeSpan.FromSeconds(19));
        book.Update(new DiskCondition(new DeviceNumber(8, 0), Operational: true, "well", []), TimeSpan.FromSeconds(31));
        Assert.Equal(
            "vbd 51728, whose backend is in another domain, cannot be mapped to a device of this host",
            Assert.IsType<StorageGate.Closed>(
                book.Judge(new DomainId(5), disks, TimeSpan.FromSeconds(31)).Gate).Reasons);
    }

    [Fact]
    public async Task A_qdisk_and_an_empty_vbd_have_no_number()
    {
        Serve(0, "qdisk", 51712, null);
        Serve(0, "vbd", 51728, null);
        GuestDisks disks = await ReadAsync();
        Assert.Empty(disks.Devices);
        Assert.Equal(["vbd 51728", "qdisk 51712"], disks.Unmappable);
    }

    [Fact]
    public async Task What_the_guest_writes_on_its_own_side_is_not_looked_at()
    {
        Serve(0, "vbd", 51712, "8:0");
        _stage.Store.Write("/local/domain/5/device/vbd/51712/physical-device", "8:10");
        _stage.Store.Write("/local/domain/5/device/vbd/51712/backend", "/local/domain/0/backend/vbd/6/51712");
        Assert.Equal([new DeviceNumber(8, 0)], (await ReadAsync()).Devices);
    }

    [Fact]
    public async Task What_the_guest_may_only_read_is_told_by_the_backends_mode()
    {
        Serve(0, "vbd", 51712, "8:0", mode: "w");
        Serve(0, "vbd", 51728, "7:3", mode: "r");
        Serve(0, "vbd", 51744, "7:4", mode: "r");
        // The same device once more, to be written to: it must be writable.
        Serve(0, "vbd", 51760, "7:4", mode: "w");
        _stage.Store.Write("/local/domain/5/device/vbd/51712/mode", "r");
        GuestDisks disks = await ReadAsync();
        Assert.Equal(4, disks.Devices.Count);
        Assert.Equal([new DeviceNumber(7, 3)], disks.ReadOnly);
    }

    [Theory]
    [InlineData("vbd", "", "cdrom", "r", null)] // ejected
    [InlineData("qdisk", "", "cdrom", "r", null)]
    [InlineData("qdisk", "aio:", "cdrom", "r", null)] // empty from the start
    [InlineData("vbd", null, "cdrom", "r", null)]
    [InlineData("vbd", "/dev/sr0", "cdrom", "r", "vbd 51728")] // its script has not run yet
    [InlineData("vbd", "", "disk", "r", "vbd 51728")]
    [InlineData("vbd", "", "cdrom", "w", "vbd 51728")]
    [InlineData("vbd", null, null, "r", "vbd 51728")]
    [InlineData("qdisk", "aio:/srv/install.iso", "cdrom", "r", "qdisk 51728, a CD image (xl cd-eject takes it out),")]
    [InlineData("qdisk", "aio:/srv/disk.img", "disk", "r", "qdisk 51728")]
    public async Task An_empty_cd_drive_closes_no_gate_and_everything_else_without_a_number_does(
        string kind, string? parameters, string? type, string mode, string? unmappable)
    {
        Serve(0, "vbd", 51712, "8:0", mode: "w");
        Serve(0, kind, 51728, null, mode, type, parameters);
        GuestDisks disks = await ReadAsync();
        Assert.Equal([new DeviceNumber(8, 0)], disks.Devices);
        Assert.Equal(unmappable is null ? [] : [unmappable], disks.Unmappable);
    }

    private void Serve(
        int backendDomain, string kind, int disk, string? physicalDevice, string? mode = null, string? type = null,
        string? parameters = null)
    {
        string backend = $"/local/domain/{backendDomain}/backend/{kind}/5/{disk}";
        _stage.Store.Write($"{backend}/state", "4");
        _stage.Store.Write($"/libxl/5/device/vbd/{disk}/backend", backend);
        foreach ((string key, string? value) in new[]
            { ("physical-device", physicalDevice), ("mode", mode), ("device-type", type), ("params", parameters) })
        {
            if (value is not null)
            {
                _stage.Store.Write($"{backend}/{key}", value);
            }
        }
    }

    private async Task<GuestDisks> ReadAsync()
    {
        (XenstoreClient client, _) = await _stage.ConnectAsync();
        DomainReading? reading = await new DomainReader(client).ReadAsync(new DomainId(5), StoreStage.Cancellation);
        return reading!.Disks;
    }
}
