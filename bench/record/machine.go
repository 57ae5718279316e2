package record

import (
	"fmt"

	"github.com/commbench/commbench/bench/unit"
)

// HostInfo is what is known of the machine; of several, of that of process 0. It names no
// host and no serial number: records are made to be passed on.
type HostInfo struct {
	CPU             *string  `json:"cpu"`
	Cores           *int     `json:"cores"` // logical CPUs that this process may use
	PhysicalCores   *int     `json:"physical_cores"`
	Sockets         *int     `json:"sockets"`
	NUMANodes       *int     `json:"numa_nodes"`
	MemoryBytes     *int64   `json:"memory_bytes"`
	Governor        []string `json:"governor"`          // of the clocks of the CPUs that this process may use; null where they have none
	HugePages       *string  `json:"huge_pages"`        // of private memory: "always", "madvise", "never"
	SharedHugePages *string  `json:"shared_huge_pages"` // of shared memory: "always", "within_size", "advise", "never", "deny", "force"
	OS              *string  `json:"os"`
	Arch            *string  `json:"arch"`
	Kernel          *string  `json:"kernel"`
	Go              *string  `json:"go"`
	Hypervisor      *string  `json:"hypervisor"`
	GPUDriver       *string  `json:"gpu_driver"`
	GPUs            []GPU    `json:"gpus"` // null where it is not known whether there are any
	NICs            []NIC    `json:"nics"`
}

// GPU is one of a host.
type GPU struct {
	Name        *string `json:"name"`
	SMs         *int    `json:"sms"`
	MemoryBytes *int64  `json:"memory_bytes"`
	ECC         *bool   `json:"ecc"`
	MIG         *bool   `json:"mig"`
}

func (g GPU) String() string {
	name := unit.Opt(g.Name, func(s string) string { return s })
	if g.SMs == nil {
		return name
	}
	return fmt.Sprintf("%s, %d SMs", name, *g.SMs)
}

// NIC is a port of an RDMA device, or an interface that is none's.
type NIC struct {
	Name     string   `json:"name"`      // "mlx5_0/1", "eth0"
	Kind     string   `json:"kind"`      // "infiniband", "roce", "efa", "ethernet"
	RateGbps *float64 `json:"rate_gbps"` // Gbit/s
	Up       *bool    `json:"up"`
	MTU      *int     `json:"mtu"`
	NUMANode *int     `json:"numa_node"`
}

func (n NIC) String() string {
	if n.RateGbps == nil {
		return n.Name + " " + n.Kind
	}
	return fmt.Sprintf("%s %s %v Gb/s", n.Name, n.Kind, *n.RateGbps)
}

// The states of a verdict.
const (
	Good    = "good"
	Bad     = "bad"     // the figure may not be what it seems
	Unknown = "unknown" // it could not be told
	None    = "none"    // there is nothing to judge: no GPU, no network
)

// Verdict is what one look at the machine, the counters or the samples says of a figure. docs/verdicts.md has
// a section for each name.
type Verdict struct {
	Name  string `json:"name"`
	State string `json:"state"`
	Why   string `json:"why"` // what was seen, in words
}

func (v Verdict) String() string { return v.Name + " " + v.State + ": " + v.Why }

// Counted is what the network's own counters say of the iterations of this record, warm-up
// included, beside what the ledger says of them. It is of the host that process 0 is on.
// Sent and received are summed.
type Counted struct {
	Interface   string   `json:"interface"`
	Iterations  int      `json:"iterations"`
	Bytes       int64    `json:"bytes"`        // by the interface's counters
	LedgerBytes int64    `json:"ledger_bytes"` // payload, scales and metadata
	Ratio       *float64 `json:"ratio"`        // of the two
	// MostBytes is LedgerBytes with what signals, frames and packet headers take at most.
	MostBytes int64 `json:"most_bytes"`
}
