#!/bin/sh
# Sourced by dracut before the root is checked; what stands in /etc/cmdline.d counts as the kernel's command line.
# That it asks is known to the agent by a mark in /run, which this boot keeps: it may be relied upon at the next.
if [ -e /dev/xen/xenbus ] || [ -e /proc/xen/xenbus ]; then
    : >/run/guest-agent-fsck-hook
fi
if /usr/lib/guest-agent/fsck-is-forced; then
    echo "guest-agent: the host asks for a forced check of the filesystems"
    mkdir -p /etc/cmdline.d
    echo forcefsck >/etc/cmdline.d/guest-agent.conf
fi
