using System.CommandLine;
using Testbed.Demo;
using Testbed.Domains;
using Testbed.Soak;
using Testbed.Toolstack;

var published = new Option<string>("--published")
{
    Required = true,
    Description = "the folder that make publish fills",
};
var hold = new Option<bool>("--hold")
{
    Description = "stop once the storage is back, and give a shell to try the bridge's commands in",
};
var demo = new Command("demo", "Four guests, two of them broken, and what becomes of them") { published, hold };
demo.SetAction(async (parsed, cancellation) =>
{
    DirectoryInfo folder = Directory.CreateTempSubdirectory("testbed-");
    try
    {
        string programs = Path.GetFullPath(parsed.GetRequiredValue(published));
        return await new DemoScenario(programs, folder.FullName, parsed.GetValue(hold), cancellation).RunAsync() ? 0 : 1;
    }
    catch (OperationCanceledException)
    {
        Console.WriteLine("ended early");
        return 1;
    }
    finally
    {
        folder.Delete(recursive: true);
    }
});

var minutes = new Option<double>("--minutes") { DefaultValueFactory = _ => 10, Description = "how long (default: 10)" };
var soak = new Command("soak", "Hard work on filesystems that are well, and whether the agent is silent") { minutes };
soak.SetAction(async (parsed, cancellation) =>
{
    if (FaultDisk.WhyNot() is { } reason)
    {
        Console.Error.WriteLine($"testbed: {reason}");
        return 1;
    }

    DirectoryInfo folder = Directory.CreateTempSubdirectory("soak-");
    try
    {
        var duration = TimeSpan.FromMinutes(parsed.GetValue(minutes));
        return await new SoakRun(folder.FullName).RunAsync(duration, cancellation) ? 0 : 1;
    }
    catch (OperationCanceledException)
    {
        Console.WriteLine("ended early");
        return 1;
    }
    finally
    {
        folder.Delete(recursive: true);
    }
});

var socket = new Option<string>("--socket") { Required = true, Description = "the toolstack's socket" };
var words = new Argument<string[]>("command") { Description = "force-fsck UUID, or fsck-result UUID" };
var toolstack = new Command("toolstack", "Asks the toolstack of a running testbed") { socket, words };
toolstack.SetAction(async (parsed, _) =>
{
    ToolstackAnswer answer =
        await ToolstackSocket.AskAsync(parsed.GetRequiredValue(socket), parsed.GetRequiredValue(words));
    Console.WriteLine(answer.Text);
    return answer.ExitCode;
});

return await new RootCommand("Guests on an ordinary machine, with storage that fails") { demo, soak, toolstack }
    .Parse(args)
    .InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(30) });
