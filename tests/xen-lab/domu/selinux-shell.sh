#!/bin/sh
# Does what is typed at the console: a line "TOKEN COMMAND" is answered by "lab TOKEN ..." lines and, last, "lab TOKEN
# exit=N", as domu/init does. lab.facts on the kernel's command line: prints the facts and ends the machine.
console=/dev/hvc0
case " $(cat /proc/cmdline) " in
*" lab.facts "*)
    sleep 20
    /usr/libexec/lab/selinux-facts.sh 2>&1 | sed 's/^/facts: /' >/dev/console
    systemctl poweroff
    exit
    ;;
esac
# shellcheck disable=SC2094 # a terminal
exec <"$console" >"$console" 2>&1
stty -echo
echo "lab: guest is ready"
while :; do
    read -r token command || { sleep 1; continue; }
    [ -n "$command" ] || continue
    (
        (eval "$command") </dev/null >/run/lab-answer 2>&1
        code=$?
        while read -r line; do echo "lab $token $line"; done </run/lab-answer
        echo "lab $token exit=$code"
    )
done
