using System.Globalization;

namespace Testbed.Toolstack;

/// <summary>
/// An xl of shell, with domains in a folder. It prints what the real one prints, and can be told to fail, to hang, to
/// lie, to flood, or to let a domain come back.
/// </summary>
public sealed class FakeXl
{
    private readonly string _folder;

    /// <summary>An xl with no domain yet, and a file that defines one guest.</summary>
    /// <param name="folder">Where it is made.</param>
    public FakeXl(string folder)
    {
        _folder = Path.Combine(folder, "xl");
        Directory.CreateDirectory(Path.Combine(_folder, "domains"));
        File.WriteAllText(Path.Combine(_folder, "next"), "2");
        Write("file.name", "web");
        Write("file.uuid", Uuid.ToString("D"));
        Write("file.cmdline", "console=hvc0 quiet");
        Write("file.disk", "/dev/sda");
        Write("takes", "cmdline");
        Program = Path.Combine(_folder, "xl");
        File.WriteAllText(Program, Script.Replace("FOLDER", _folder, StringComparison.Ordinal));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        Configs = Path.Combine(_folder, "etc");
        Directory.CreateDirectory(Configs);
        WriteConfig($"name = \"web\"\nuuid = \"{Uuid:D}\"\nkernel = \"/boot/vmlinuz\"\ndisk = [\"phy:/dev/sda,xvda,w\"]\n");
    }

    /// <summary>The guest that the file defines.</summary>
    public static Guid Uuid { get; } = Guid.Parse("6f0c2a52-6f43-4d0f-9e0a-0f4a7c1a1d01");

    /// <summary>The path of xl.</summary>
    public string Program { get; }

    /// <summary>The folder of the files that define guests.</summary>
    public string Configs { get; }

    /// <summary>The file that defines the guest.</summary>
    public string ConfigFile => Path.Combine(Configs, "web.cfg");

    /// <summary>The folder of its logs.</summary>
    public string Logs => Path.Combine(_folder, "log");

    /// <summary>What xl was asked to change, a line each.</summary>
    public string[] Changes => File.Exists(Path.Combine(_folder, "changes"))
        ? File.ReadAllLines(Path.Combine(_folder, "changes"))
        : [];

    /// <summary>Writes a file that defines a guest.</summary>
    public void WriteConfig(string text, string name = "web.cfg") => File.WriteAllText(Path.Combine(Configs, name), text);

    /// <summary>A domain runs; its state as xl prints it.</summary>
    public void Run(int domain, string name = "web", Guid? uuid = null, string state = "-b----")
        => Write($"domains/{domain}", $"{name} {(uuid ?? Uuid):D} {state}");

    /// <summary>A domain is gone.</summary>
    public void Remove(int domain) => File.Delete(Path.Combine(_folder, $"domains/{domain}"));

    /// <summary>The state of a domain in its file; null when there is none.</summary>
    public string? StateOf(int domain)
        => File.Exists(Path.Combine(_folder, $"domains/{domain}"))
            ? File.ReadAllText(Path.Combine(_folder, $"domains/{domain}")).Trim().Split(' ')[2]
            : null;

    /// <summary>How a command behaves: <c>fail</c>, <c>hang</c>, <c>lie</c>, <c>flood</c>, and others in the script.</summary>
    public void Let(string command, string behave) => Write($"how.{command}", behave);

    /// <summary>Writes a file of the script.</summary>
    public void Write(string name, string value) => File.WriteAllText(Path.Combine(_folder, name), value + "\n");

    /// <summary>How many changes begin so.</summary>
    public int Count(string change)
        => Changes.Count(line => line.StartsWith(change, StringComparison.Ordinal));

    private const string Script =
        """
        #!/bin/bash
        S=FOLDER
        config() { # NAME UUID CMDLINE
            echo '{ "c_info": { "type": "pv", "name": "'"$1"'", "uuid": "'"$2"'", "run_hotplug_scripts": "True" },'
            echo '"b_info": { "kernel": "/boot/vmlinuz", "cmdline": "'"$3"'", "type.pv": { } },'
            echo '"disks": [ { "pdev_path": "'"$(cat $S/${4:-file}.disk)"'", "vdev": "xvda", "format": "raw", "readwrite": 1 } ],'
            echo '"on_reboot": "'"$(cat $S/on_reboot 2>/dev/null || echo restart)"'", "on_crash": "preserve" }'
        }
        list() {
            echo "Name                                        ID   Mem VCPUs	State	Time(s)   UUID                            Reason-Code	Security Label"
            printf '%-40s %5d %5d %5d     %s  %8.1f %s %8s %16s\n' Domain-0 0 1024 1 r----- 16.3 00000000-0000-0000-0000-000000000000 - -
            for file in $S/domains/*; do
                [ -e "$file" ] || continue
                read -r name uuid state <$file
                printf '%-40s %5d %5d %5d     %s  %8.1f %s %8s %16s\n' $name ${file##*/} 384 1 $state 50.5 $uuid - -
            done
        }
        command=$1
        how=$(cat $S/how.$command 2>/dev/null)
        case $how in
        fail) echo "libxl: error: it does not work" >&2; exit 1 ;;
        flood) exec yes ;;
        garbage) echo "something else"; exit 0 ;;
        garbage-once) rm $S/how.$command; echo "something else"; exit 0 ;;
        esac
        [ "$command$2" = create-n ] || [ $command = list ] || echo "$*" >>$S/changes
        case $command in
        list)
            if [ "$2" = -v ]; then
                [ ! -e $S/after-list ] || { . $S/after-list; }
                list
            elif [ -e $S/domains/$3 ]; then
                read -r name uuid state <$S/domains/$3
                echo '[ { "domid": '$3', "config":'
                config $name $uuid "$(cat $S/file.cmdline)" $([ -e $S/running.disk ] && echo running)
                echo '} ]'
            else
                echo "Error: Domain '$3' does not exist." >&2
                exit 1
            fi
            ;;
        create)
            dry=
            shift
            if [ "$1" = -n ]; then dry=1; shift; fi
            file=$1
            shift
            uuid=$(cat $S/file.uuid) cmdline=$(cat $S/file.cmdline)
            for setting in "$@"; do
                value=${setting#*=?}
                value=${value%?}
                case ${setting%%=*} in
                uuid) uuid=$value ;;
                *) [ ${setting%%=*} != $(cat $S/takes) ] || cmdline=$value ;;
                esac
            done
            if [ $dry ]; then
                echo "Parsing config from $file" >&2
                config $(cat $S/file.name) $uuid "$cmdline"
                exit 0
            fi
            [ "$how" != hang ] || sleep 1000
            [ "$how" != lie ] || exit 0
            [ ! -e $S/gate ] || { touch $S/waiting; while [ -e $S/gate ]; do sleep 0.05; done; }
            id=$(cat $S/next)
            echo $((id + 1)) >$S/next
            state=-b----
            [ "$how" != paused ] || state=--p---
            mkdir -p $S/log
            [ ! -e $S/log/xl-web.log ] || mv $S/log/xl-web.log $S/log/xl-web.log.1
            echo "Waiting for domain web (domid $id) to die" >$S/log/xl-web.log
            echo "$(cat $S/file.name) $uuid $state" >$S/domains/$id
            echo "$cmdline" >$S/booted
            [ "$how" != done-but-fails ] || { echo "libxl: error: afterwards" >&2; exit 3; }
            ;;
        destroy)
            [ "$how" != lie ] || exit 0
            [ ! -e $S/gate ] || { touch $S/waiting; while [ -e $S/gate ]; do sleep 0.05; done; }
            if [ ! -e $S/domains/$2 ]; then
                echo "libxl: error: libxl_domain.c:1183:libxl__destroy_domid: Domain $2:Non-existant domain" >&2
                exit 1
            fi
            case $how in
            dying)
                read -r name uuid state <$S/domains/$2
                echo "(null) $uuid --ps-d" >$S/domains/$2
                (sleep 1.5; rm $S/domains/$2) </dev/null >/dev/null 2>&1 &
                ;;
            back) read -r name uuid state <$S/domains/$2; rm $S/domains/$2; echo "$name $uuid -b----" >$S/domains/9 ;;
            done-but-fails) rm $S/domains/$2; exit 1 ;;
            *) rm $S/domains/$2 ;;
            esac
            ;;
        config-update) ;;
        *) exit 2 ;;
        esac
        """;
}
