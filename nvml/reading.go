//go:build cgo && linux

package nvml

import (
	"errors"
	"fmt"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/commbench/commbench/nvml/answer"
)

func (d *device) Reading() Reading {
	d.lib.mu.Lock()
	defer d.lib.mu.Unlock()
	counters, bits := d.typed(
		field{gonvml.FI_DEV_NVLINK_THROUGHPUT_DATA_TX, allLinks}, field{gonvml.FI_DEV_NVLINK_THROUGHPUT_DATA_RX, allLinks},
		field{gonvml.FI_DEV_NVLINK_THROUGHPUT_RAW_TX, allLinks}, field{gonvml.FI_DEV_NVLINK_THROUGHPUT_RAW_RX, allLinks},
		// nvmlDeviceGetPcieThroughput would wait for 20 ms.
		field{id: gonvml.FI_DEV_PCIE_COUNT_TX_BYTES}, field{id: gonvml.FI_DEV_PCIE_COUNT_RX_BYTES},
	)
	var payload, raw Traffic
	payload.TxBytes, raw.TxBytes = d.counted(kib(counters[0]), kib(counters[2]), gonvml.FI_DEV_NVLINK_COUNT_XMIT_BYTES)
	payload.RxBytes, raw.RxBytes = d.counted(kib(counters[1]), kib(counters[3]), gonvml.FI_DEV_NVLINK_COUNT_RCV_BYTES)
	use := ask(d, "nvmlDeviceGetUtilizationRates", gonvml.Device.GetUtilizationRates)
	return Reading{
		SMMHz:     answer.Map(ask(d, "nvmlDeviceGetClockInfo", with(gonvml.Device.GetClockInfo, gonvml.CLOCK_SM)), integer),
		MemoryMHz: answer.Map(ask(d, "nvmlDeviceGetClockInfo", with(gonvml.Device.GetClockInfo, gonvml.CLOCK_MEM)), integer),
		PowerW:    answer.Map(ask(d, "nvmlDeviceGetPowerUsage", gonvml.Device.GetPowerUsage), thousandths),
		EnergyJ:   answer.Map(ask(d, "nvmlDeviceGetTotalEnergyConsumption", gonvml.Device.GetTotalEnergyConsumption), thousandths),
		TemperatureC: answer.Map(ask(d, "nvmlDeviceGetTemperature", with(gonvml.Device.GetTemperature, gonvml.TEMPERATURE_GPU)),
			integer),
		Throttle:       d.throttle(),
		UtilizationPct: answer.Map(use, func(u gonvml.Utilization) int { return int(u.Gpu) }),
		MemoryPct:      answer.Map(use, func(u gonvml.Utilization) int { return int(u.Memory) }),
		Clocked:        d.clocked(),
		NVLink:         payload,
		NVLinkRaw:      raw,
		PCIe:           Traffic{TxBytes: counters[4], RxBytes: counters[5]},
		PCIeBits:       max(bits[4], bits[5]),
		GPM:            d.means(),
	}
}

// counted are the bytes that went over NVLinks one way, without headers and with them, by NVLink 5's own field where the older
// ones count nothing: such a GPU may say that it lacks them, or say 0 for ever.
func (d *device) counted(payload, raw answer.Of[uint64], id uint32) (answer.Of[uint64], answer.Of[uint64]) {
	if payload.Or(0) > 0 || raw.Or(0) > 0 {
		return payload, raw
	}
	own := d.overLinks(id)
	if payload.Err() == nil && own.Err() == nil {
		payload = answer.None[uint64](fmt.Sprintf("0 bytes, where there is field %d", id))
	}
	if raw.Err() == nil && own.Err() == nil || errors.Is(raw.Err(), errors.ErrUnsupported) {
		raw = own
	}
	return payload, raw
}

func kib(a answer.Of[uint64]) answer.Of[uint64] {
	return answer.Map(a, func(v uint64) uint64 { return v << 10 })
}

// throttle asks by the new name and by the one of older drivers.
func (d *device) throttle() answer.Of[Reasons] {
	bits := or(ask(d, "nvmlDeviceGetCurrentClocksEventReasons", gonvml.Device.GetCurrentClocksEventReasons),
		func() answer.Of[uint64] {
			return ask(d, "nvmlDeviceGetCurrentClocksThrottleReasons", gonvml.Device.GetCurrentClocksThrottleReasons)
		})
	return answer.Map(bits, func(v uint64) Reasons { return Reasons(v) })
}

func (d *device) clocked() answer.Of[Clocked] {
	byHeat := uint32(gonvml.FI_DEV_PERF_POLICY_THERMAL)
	if !d.lib.has("nvmlDeviceGetViolationStatus") { // and so newer than drivers that have another field by this number
		byHeat = gonvml.FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN
	}
	power := d.violation(gonvml.PERF_POLICY_POWER, gonvml.FI_DEV_PERF_POLICY_POWER)
	heat := d.violation(gonvml.PERF_POLICY_THERMAL, byHeat)
	return then(power, func(power uint64) answer.Of[Clocked] {
		return answer.Map(heat, func(heat uint64) Clocked { return Clocked{PowerNS: power, ThermalNS: heat} })
	})
}

// violation is by a call that CUDA 14 will no longer have, or by the field in its place.
func (d *device) violation(policy gonvml.PerfPolicyType, id uint32) answer.Of[uint64] {
	held := ask(d, "nvmlDeviceGetViolationStatus", with(gonvml.Device.GetViolationStatus, policy))
	return or(answer.Map(held, func(v gonvml.ViolationTime) uint64 { return v.ViolationTime }),
		func() answer.Of[uint64] { return d.fields(field{id: id})[0] })
}

// overLinks is a field summed over all links: by NVML, or here where NVML knows it only link
// by link.
func (d *device) overLinks(id uint32) answer.Of[uint64] {
	return then(d.linkCount(), func(n int) answer.Of[uint64] {
		want := []field{{id, allLinks}}
		for l := range n {
			want = append(want, field{id, uint32(l)})
		}
		got := d.fields(want...)
		return or(got[0], func() answer.Of[uint64] { return d.sum(id, got[1:]) })
	})
}

// sum is of the links that count. If another number of them did before, the sum leaps.
func (d *device) sum(id uint32, links []answer.Of[uint64]) answer.Of[uint64] {
	sum, count := uint64(0), 0
	for _, a := range links {
		if v, ok := a.Get(); ok {
			sum, count = sum+v, count+1
		} else if !errors.Is(a.Err(), errors.ErrUnsupported) {
			return a
		}
	}
	switch before := d.summed[id]; {
	case count == 0:
		return links[0]
	case before != 0 && count != before:
		return answer.Unknown[uint64](fmt.Sprintf("%d links count field %d, and %d did before", count, id, before))
	}
	d.summed[id] = count
	return answer.Is(sum)
}
