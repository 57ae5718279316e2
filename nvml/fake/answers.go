package fake

import (
	"fmt"
	"math"

	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// answers are all that a GPU answers at one time.
type answers struct {
	inventory nvml.Inventory
	reading   nvml.Reading
	faults    nvml.Faults
}

// worked are the seconds that a GPU was busy before its machine's start, so that no counter begins at 0.
const worked = 3600

// load is how busy a GPU is at t, 1 in the mean, and for how many seconds it has been since
// the start. That never falls: it is the integral of what is positive.
func load(gpu int, t float64) (now, seconds float64) {
	const swing, turn = 0.05, 2 * math.Pi / 7 // a turn of 7 s shows at any usual interval of sampling
	phase := float64(gpu)
	return 1 + swing*math.Sin(turn*t+phase), t + swing/turn*(math.Cos(phase)-math.Cos(turn*t+phase))
}

// lacks is err, or that there is no answer for want of something.
func lacks(err error, lacking bool, what string) error {
	if err == nil && lacking {
		return answer.None[int](what).Err()
	}
	return err
}

// inventory is what a sound GPU is, or err.
func (d *device) inventory(err error) nvml.Inventory {
	k, b, slot := d.m.kind, d.m.build, d.m.board.GPUs[d.number]
	links := make([]nvml.Link, k.links)
	for i := range links {
		links[i] = nvml.Link{
			Up: answer.Is(true), Version: answer.Is(k.linkVersion), SpeedMBps: answer.Is(k.linkMBps), Remote: answer.Is("switch"),
			RemotePCI: answer.None[string]("the host does not see the switch"), RemoteGPU: answer.None[int]("it ends at a switch"),
		}
		if b.switches != nil {
			links[i].RemotePCI = answer.Is(b.switches[i%len(b.switches)])
		}
	}
	peers := make([]nvml.Peer, len(d.m.board.GPUs))
	for i := range peers {
		peers[i] = d.peer(i, err)
	}
	return nvml.Inventory{
		Name:         answer.From(k.name, err),
		UUID:         answer.From(fmt.Sprintf("GPU-fake0000-0000-0000-0000-%012d", d.number), err),
		Architecture: answer.From(k.architecture, err),
		Capability:   answer.From(k.capability, err),
		PCI:          answer.From(slot.PCI, err),
		SMs:          answer.From(k.sms, err),
		MemoryBytes:  answer.From(k.memoryMiB<<20, err),
		MIG:          answer.From(false, err),
		ComputeMode:  answer.From("default", err),
		Persistence:  answer.From(true, err),
		ECC:          answer.From(true, err),
		NUMANode:     answer.From(slot.NUMA, err),
		PowerLimitW:  answer.From(k.limitW, err),
		MaxSMMHz:     answer.From(k.smMHz, err),
		MaxMemoryMHz: answer.From(k.memoryMHz, err),
		VBIOS:        answer.From(k.vbios, err),
		PCIe: nvml.PCIe{
			Generation: answer.From(k.pcie, err), MaxGeneration: answer.From(k.pcie, err),
			Width: answer.From(16, err), MaxWidth: answer.From(16, err),
		},
		Links: answer.From(links, lacks(err, k.links == 0, "no NVLinks")),
		Fabric: answer.From(nvml.Fabric{State: "completed", Status: "ok", Cluster: b.cluster},
			lacks(err, !k.fabric, "no fabric of NVSwitches")),
		Peers: peers,
	}
}

func (d *device) peer(other int, err error) nvml.Peer {
	atomics := "ok"
	if d.m.kind.links == 0 {
		atomics = "not supported"
	}
	of := lacks(err, other == d.number, "the GPU itself")
	return nvml.Peer{
		Ancestor: answer.From(ancestor(d.m.board.GPUs[d.number], d.m.board.GPUs[other]), err),
		NVLinks:  answer.From(d.m.kind.links, of),
		Read:     answer.From("ok", of),
		Write:    answer.From("ok", of),
		Atomics:  answer.From(atomics, of),
		OverLink: answer.From(atomics, of),
	}
}

// reading is what a sound GPU does at t, or err.
func (d *device) reading(t float64, err error) nvml.Reading {
	k := d.m.kind
	now, seconds := load(d.number, t)
	busyW := 0.8 * k.limitW
	r := nvml.Reading{
		SMMHz:          answer.From(k.smMHz-15*int(40*max(0, now-1)), err), // steps of 15 MHz
		MemoryMHz:      answer.From(k.memoryMHz, err),
		PowerW:         answer.From(busyW*now, err),
		EnergyJ:        answer.From(busyW*(worked+seconds), err),
		TemperatureC:   answer.From(int(55*now), err),
		Throttle:       answer.From(nvml.Reasons(0), err),
		UtilizationPct: answer.From(int(93*now), err),
		MemoryPct:      answer.From(int(40*now), err),
		Clocked:        answer.From(nvml.Clocked{PowerNS: 1e9, ThermalNS: 0}, err), // from before
		GPM:            answer.From(d.gpm(t)),
	}
	if failed := lacks(err, !k.gpm, "GPM is of Hopper and later"); failed != nil {
		r.GPM = answer.From(nvml.GPM{}, failed)
	}
	noLinks := lacks(err, k.links == 0, "no NVLinks")
	for i, n := range d.counted(t) {
		if i < 4 {
			*counters(&r)[i] = answer.From(n, noLinks)
		} else {
			*counters(&r)[i] = answer.From(n, err)
		}
	}
	return r
}

// counters are a reading's counters of bytes. The last two are of 32 bits in the GPU.
func counters(r *nvml.Reading) [6]*answer.Of[uint64] {
	return [6]*answer.Of[uint64]{
		&r.NVLink.TxBytes, &r.NVLink.RxBytes, &r.NVLinkRaw.TxBytes, &r.NVLinkRaw.RxBytes, &r.PCIe.TxBytes, &r.PCIe.RxBytes,
	}
}

// counted is what they have counted at t.
func (d *device) counted(t float64) (bytes [6]uint64) {
	_, seconds := load(d.number, t)
	line := 1e6 * float64(d.m.kind.links*d.m.kind.linkMBps)
	for i, rate := range [6]float64{0.35 * line, 0.34 * line, 0.40 * line, 0.39 * line, 1.2e9, 0.9e9} {
		bytes[i] = uint64(rate * (worked + seconds))
	}
	return bytes
}

// gpm are means since the reading before.
func (d *device) gpm(t float64) (nvml.GPM, error) {
	if d.last < 0 || t <= d.last {
		return nvml.GPM{}, answer.None[nvml.GPM]("no earlier reading").Err()
	}
	before, after := d.counted(d.last), d.counted(t)
	rate := func(i int) float64 { return float64(after[i]-before[i]) / (t - d.last) }
	_, from := load(d.number, d.last)
	_, to := load(d.number, t)
	mean := (to - from) / (t - d.last)
	noLinks := lacks(nil, d.m.kind.links == 0, "no NVLinks")
	return nvml.GPM{
		SMPct: answer.Is(85 * mean), OccupancyPct: answer.Is(40 * mean), DRAMPct: answer.Is(55 * mean),
		NVLinkTxBps: answer.From(rate(0), noLinks), NVLinkRxBps: answer.From(rate(1), noLinks),
		PCIeTxBps: answer.Is(rate(4)), PCIeRxBps: answer.Is(rate(5)),
	}, nil
}

// faults are the counts of a sound GPU, or err.
func (d *device) faults(err error) nvml.Faults {
	links := make([]nvml.LinkFaults, d.m.kind.links)
	none, zero := answer.None[uint64]("this NVLink counts other errors"), answer.Is(uint64(0))
	for i := range links {
		links[i] = nvml.LinkFaults{Replays: zero, Recoveries: zero, CRCFlit: zero, CRCData: zero, RxErrors: none}
		if d.m.kind.linkMBps > 50_000 { // NVLink 5
			links[i] = nvml.LinkFaults{Replays: none, Recoveries: zero, CRCFlit: none, CRCData: none, RxErrors: zero}
		}
	}
	return nvml.Faults{
		Corrected:    answer.From(uint64(0), err),
		Uncorrected:  answer.From(uint64(0), err),
		RetiredPages: answer.From(0, lacks(err, true, "the GPU remaps rows instead")),
		Remapped:     answer.From(nvml.Remapped{}, err),
		PCIeReplays:  answer.From(uint64(3+d.number), err), // sound machines have some, from when links were trained
		Links:        answer.From(links, lacks(err, d.m.kind.links == 0, "no NVLinks")),
	}
}
