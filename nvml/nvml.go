package nvml

import (
	"errors"

	"github.com/commbench/commbench/nvml/answer"
)

// Library is an NVML that was opened. Its calls, and those of its devices, are made one at
// a time; any of them may take seconds when a GPU is in trouble.
type Library interface {
	System() System
	// Devices are the GPUs in NVML's order, the same at every call.
	Devices() []Device
	// Events are what GPUs have reported since the last call, without waiting for any. What
	// happened before Open is not among them. The error says of which GPUs none can be had;
	// those of the others are there all the same.
	Events() ([]Event, error)
	Close() error
}

// Device is a GPU. One that is lost answers no more than where it was.
type Device interface {
	// Inventory is what the GPU is and how it is connected. It may take a second.
	Inventory() Inventory
	// Wires are what of the inventory may change: the link to the host, and the NVLinks.
	Wires() (PCIe, answer.Of[[]Link])
	// Reading is what the GPU does now. It waits for nothing: GPM figures are means since
	// the last Reading of this device, and the first has none.
	Reading() Reading
	// Faults are counts of what went wrong, since the driver was loaded or longer.
	Faults() Faults
}

// System is what holds for all GPUs.
type System struct {
	Driver answer.Of[string] `json:"driver"`
	CUDA   answer.Of[string] `json:"cuda"` // newest that the driver serves: "12.8"
	NVML   answer.Of[string] `json:"nvml"`
}

// Inventory is what the GPU is. Links apart it does not change while a program runs.
type Inventory struct {
	Name         answer.Of[string]  `json:"name"`
	UUID         answer.Of[string]  `json:"uuid"`
	Architecture answer.Of[string]  `json:"architecture"`       // "Hopper"
	Capability   answer.Of[string]  `json:"compute_capability"` // "9.0"
	PCI          answer.Of[string]  `json:"pci"`                // as sysfs names it: "0000:17:00.0"
	SMs          answer.Of[int]     `json:"sms"`
	MemoryBytes  answer.Of[int64]   `json:"memory_bytes"`
	MIG          answer.Of[bool]    `json:"mig"`
	ComputeMode  answer.Of[string]  `json:"compute_mode"` // "default", "exclusive process", "prohibited"
	Persistence  answer.Of[bool]    `json:"persistence"`
	ECC          answer.Of[bool]    `json:"ecc"`
	NUMANode     answer.Of[int]     `json:"numa_node"` // of the host's memory, the one nearest to the GPU
	PowerLimitW  answer.Of[float64] `json:"power_limit_w"`
	MaxSMMHz     answer.Of[int]     `json:"max_sm_mhz"`
	MaxMemoryMHz answer.Of[int]     `json:"max_memory_mhz"`
	VBIOS        answer.Of[string]  `json:"vbios"`

	PCIe   PCIe              `json:"pcie"`
	Links  answer.Of[[]Link] `json:"nvlinks"` // by number
	Fabric answer.Of[Fabric] `json:"fabric"`
	Peers  []Peer            `json:"peers"` // one for each device, itself included, in their order
}

// PCIe is the GPU's link to its host. An idle GPU lowers the generation: only the width is
// a sign of trouble at any time.
type PCIe struct {
	Generation    answer.Of[int] `json:"generation"`
	MaxGeneration answer.Of[int] `json:"max_generation"` // of GPU and slot together
	Width         answer.Of[int] `json:"width"`          // lanes
	MaxWidth      answer.Of[int] `json:"max_width"`
}

// Link is an NVLink of a GPU.
type Link struct {
	Up        answer.Of[bool]   `json:"up"`
	Version   answer.Of[string] `json:"version"`    // "4.0"
	SpeedMBps answer.Of[int]    `json:"speed_mbps"` // MB/s (1e6 bytes), one way
	Remote    answer.Of[string] `json:"remote"`     // what is at the other end: "GPU", "switch", "IBM NPU", "unknown"
	RemotePCI answer.Of[string] `json:"remote_pci"` // of that
	RemoteGPU answer.Of[int]    `json:"remote_gpu"` // its number, where it is a GPU of this machine
}

// Fabric is the GPU's place in a fabric of NVSwitches that spans machines.
type Fabric struct {
	State   string `json:"state"`   // "completed", "in progress", "not started", "not supported"
	Status  string `json:"status"`  // of one that is completed: "ok", or what failed
	Clique  uint32 `json:"clique"`  // GPUs of one cluster and clique reach each other
	Cluster string `json:"cluster"` // UUID; empty where the fabric is this machine's own
}

// Peer is how a GPU reaches another.
type Peer struct {
	// Ancestor is what the two share, as nvidia-smi topo -m names it: "X" (the GPU itself),
	// "PSB" (one board), "PIX" (one PCIe bridge), "PXB" (several), "PHB" (a host bridge), "NODE" (host bridges of
	// one NUMA node), "SYS" (between NUMA nodes).
	Ancestor answer.Of[string] `json:"ancestor"`
	NVLinks  answer.Of[int]    `json:"nvlinks"` // links to it, through switches all that are up; 0 is none
	Read     answer.Of[string] `json:"read"`    // "ok", or why memory of the other cannot be read
	Write    answer.Of[string] `json:"write"`
	Atomics  answer.Of[string] `json:"atomics"`
	OverLink answer.Of[string] `json:"over_nvlink"`
}

// Reading is one look at a GPU.
type Reading struct {
	SMMHz          answer.Of[int]     `json:"sm_mhz"`
	MemoryMHz      answer.Of[int]     `json:"memory_mhz"`
	PowerW         answer.Of[float64] `json:"power_w"`
	EnergyJ        answer.Of[float64] `json:"energy_j"` // since the driver was loaded
	TemperatureC   answer.Of[int]     `json:"temperature_c"`
	Throttle       answer.Of[Reasons] `json:"throttle"`
	UtilizationPct answer.Of[int]     `json:"utilization_pct"` // of the last sampling period, in which any kernel ran
	MemoryPct      answer.Of[int]     `json:"memory_pct"`      // in which memory was read or written
	Clocked        answer.Of[Clocked] `json:"clocked"`
	NVLink         Traffic            `json:"nvlink"`     // payload, all links
	NVLinkRaw      Traffic            `json:"nvlink_raw"` // with headers; the one count of GPUs that have no two (NVLink 5)
	PCIe           Traffic            `json:"pcie"`
	PCIeBits       int                `json:"pcie_bits"` // of these counters, after which they wrap round; 0 is not known
	GPM            answer.Of[GPM]     `json:"gpm"`
}

// Traffic are counters of bytes that only grow, but for wrapping round, and for restarting
// when the driver does. From the GPU: Tx is what it sent.
type Traffic struct {
	TxBytes answer.Of[uint64] `json:"tx_bytes"`
	RxBytes answer.Of[uint64] `json:"rx_bytes"`
}

// Clocked is how long clocks were held down by the driver, by a counter that only grows. Brakes of the hardware are not in it.
type Clocked struct {
	PowerNS   uint64 `json:"power_ns"`
	ThermalNS uint64 `json:"thermal_ns"`
}

// ErrEarly: a mean would be of too short a time, or is the first: the next is since the last that was not.
var ErrEarly = errors.New("too early for a mean")

// GPM are means since the last reading, of GPUs that count them (Hopper and later).
type GPM struct {
	Seconds      float64            `json:"seconds"`          // since the last reading that counted
	SMPct        answer.Of[float64] `json:"sm_pct"`           // SMs that had a warp
	OccupancyPct answer.Of[float64] `json:"sm_occupancy_pct"` // warps, of those that would fit
	DRAMPct      answer.Of[float64] `json:"dram_pct"`         // of DRAM's bandwidth
	NVLinkTxBps  answer.Of[float64] `json:"nvlink_tx_bytes_per_s"`
	NVLinkRxBps  answer.Of[float64] `json:"nvlink_rx_bytes_per_s"`
	PCIeTxBps    answer.Of[float64] `json:"pcie_tx_bytes_per_s"`
	PCIeRxBps    answer.Of[float64] `json:"pcie_rx_bytes_per_s"`
}

// Faults are counts that should not grow.
type Faults struct {
	Corrected    answer.Of[uint64]       `json:"ecc_corrected"` // by ECC, since the driver was loaded
	Uncorrected  answer.Of[uint64]       `json:"ecc_uncorrected"`
	RetiredPages answer.Of[int]          `json:"retired_pages"` // Ampere and later remap rows instead
	Remapped     answer.Of[Remapped]     `json:"remapped_rows"`
	PCIeReplays  answer.Of[uint64]       `json:"pcie_replays"`
	Links        answer.Of[[]LinkFaults] `json:"nvlinks"` // by number
}

// Remapped are rows of memory that spare ones stand in for.
type Remapped struct {
	Corrected   int  `json:"corrected"`
	Uncorrected int  `json:"uncorrected"`
	Pending     bool `json:"pending"` // at the next reset
	Failed      bool `json:"failed"`  // once
}

// LinkFaults are errors of an NVLink.
type LinkFaults struct {
	Replays    answer.Of[uint64] `json:"replays"`
	Recoveries answer.Of[uint64] `json:"recoveries"`
	CRCFlit    answer.Of[uint64] `json:"crc_flit"`
	CRCData    answer.Of[uint64] `json:"crc_data"`
	RxErrors   answer.Of[uint64] `json:"rx_errors"` // packets; of Blackwell and later, which count neither replays nor CRC errors
}

// Event is something that a GPU reported.
type Event struct {
	Device int    `json:"device"`
	Xid    uint64 `json:"xid"` // critical error, see NVIDIA's list of Xid errors
}
