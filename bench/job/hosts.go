package job

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/commbench/commbench/bench/host"
)

// findHosts counts hosts, and the processes on this one: those that share memory.
func (j *Job) findHosts(ctx context.Context) error {
	blobs, err := j.Exchange(ctx, "hosts", []byte(host.Identity("pid")))
	if err != nil {
		return err
	}
	seen := map[string]int{}
	for _, b := range blobs {
		j.hosts = append(j.hosts, string(b))
		seen[string(b)]++
	}
	mine := j.hosts[j.Process()]
	j.Hosts, j.OnHost, j.First = len(seen), seen[mine], slices.Index(j.hosts, mine) == j.Process()
	return nil
}

// Together makes sure that processes which share a node are on one host, as shared
// memory needs it.
func (j *Job) Together(nodes, gpusPerNode int) error {
	each := max(1, nodes*gpusPerNode/j.Processes()) // ranks of a process
	for node := range nodes {
		first := node * gpusPerNode / each
		for p := first; p*each < (node+1)*gpusPerNode; p++ {
			if j.hosts[p] != j.hosts[first] {
				return usagef("shared memory within a node: processes %d and %d have ranks of node %d and are on hosts %s and %s; place them on one host, or take --scale-up tcp",
					first, p, node, name(j.hosts[first]), name(j.hosts[p]))
			}
		}
	}
	return nil
}

func name(identity string) string {
	name, _, _ := strings.Cut(identity, " ")
	return fmt.Sprintf("%q", name)
}
