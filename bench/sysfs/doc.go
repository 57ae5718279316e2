// Package sysfs reads files of the kernel, in /sys and /proc, without ever waiting for one.
package sysfs
