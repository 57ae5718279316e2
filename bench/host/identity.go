package host

import (
	"os"
	"strings"
)

// Identity tells this host, or container, from all others: processes that are in one namespace of a
// kind ("pid", "net") on one host have the same. It begins with the host's name, which is for
// people, and a blank; two hosts may have one name. It is for other processes of a job, and not
// for records.
func Identity(namespace string) string {
	name, _ := os.Hostname()
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	space, _ := os.Readlink("/proc/self/ns/" + namespace)
	return strings.Join([]string{name, strings.TrimSpace(string(boot)), space}, " ")
}
