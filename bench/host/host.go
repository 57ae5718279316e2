package host

import "github.com/commbench/commbench/nvml/answer"

// Host is a machine.
type Host struct {
	CPU        answer.Of[string] `json:"cpu"`  // its model; on arm64 that of the core, or its codes
	Arch       string            `json:"arch"` // GOARCH of this program
	OS         string            `json:"os"`   // GOOS
	Go         string            `json:"go"`
	Kernel     answer.Of[string] `json:"kernel"`
	Hypervisor answer.Of[string] `json:"hypervisor"` // "KVM", "none" on bare metal

	Cores     int                   `json:"cores"`    // logical CPUs that this process may use
	Online    answer.Of[int]        `json:"online"`   // of the machine
	Physical  answer.Of[int]        `json:"physical"` // cores, of those online
	Sockets   answer.Of[int]        `json:"sockets"`
	Quota     answer.Of[float64]    `json:"quota"`    // CPUs that a control group allows; none where it is unlimited
	Governor  answer.Of[[]string]   `json:"governor"` // each that a CPU of this process has, sorted: "performance", "powersave (EPP performance)"
	Turbo     answer.Of[bool]       `json:"turbo"`    // clocks may rise above their nominal rate
	NUMANodes answer.Of[[]NUMANode] `json:"numa_nodes"`
	Caches    answer.Of[[]Cache]    `json:"caches"` // of the first CPU, innermost first

	MemoryBytes answer.Of[int64] `json:"memory_bytes"`
	FreeBytes   answer.Of[int64] `json:"free_bytes"` // that could be had without swapping

	HugePages HugePages          `json:"huge_pages"`
	Load1     answer.Of[float64] `json:"load_1m"` // processes that want to run, mean over a minute
}

// NUMANode is a memory node.
type NUMANode struct {
	Node        int               `json:"node"`
	CPUs        answer.Of[string] `json:"cpus"` // as the kernel lists them: "0-15,32-47", "" where there is only memory
	MemoryBytes answer.Of[int64]  `json:"memory_bytes"`
}

// Cache is a cache of a CPU.
type Cache struct {
	Level     int               `json:"level"`
	Type      string            `json:"type"`       // "Data", "Instruction", "Unified"
	SizeBytes answer.Of[int64]  `json:"size_bytes"` // some arm64 firmware does not say
	Shared    answer.Of[string] `json:"shared"`     // CPUs that share it: "0-7"
}

// HugePages are the settings that decide whether memory lies on huge pages. Transparent ones
// are made by the kernel, reserved ones are set aside by hand.
type HugePages struct {
	Private answer.Of[string] `json:"private"`    // transparent, of a process's own memory: "always", "madvise", "never"
	Shared  answer.Of[string] `json:"shared"`     // transparent, of shared memory: "always", "within_size", "advise", "never", "deny", "force"
	Size    answer.Of[int64]  `json:"size_bytes"` // of a transparent one

	Total        answer.Of[int]   `json:"reserved"` // of the default size
	Free         answer.Of[int]   `json:"reserved_free"`
	ReservedSize answer.Of[int64] `json:"reserved_size_bytes"` // the default size
}
