//go:build cgo && linux

package nvml

import (
	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/commbench/commbench/nvml/answer"
)

func (d *device) Faults() Faults {
	d.lib.mu.Lock()
	defer d.lib.mu.Unlock()
	ecc := func(kind gonvml.MemoryErrorType) answer.Of[uint64] {
		return ask(d, "nvmlDeviceGetTotalEccErrors", func(g gonvml.Device) (uint64, gonvml.Return) {
			return g.GetTotalEccErrors(kind, gonvml.VOLATILE_ECC)
		})
	}
	return Faults{
		Corrected:    ecc(gonvml.MEMORY_ERROR_TYPE_CORRECTED),
		Uncorrected:  ecc(gonvml.MEMORY_ERROR_TYPE_UNCORRECTED),
		RetiredPages: d.retired(),
		Remapped: ask(d, "nvmlDeviceGetRemappedRows", func(g gonvml.Device) (r Remapped, ret gonvml.Return) {
			r.Corrected, r.Uncorrected, r.Pending, r.Failed, ret = g.GetRemappedRows()
			return r, ret
		}),
		PCIeReplays: answer.Map(ask(d, "nvmlDeviceGetPcieReplayCounter", gonvml.Device.GetPcieReplayCounter),
			func(n int) uint64 { return uint64(n) }),
		Links: answer.Map(d.linkCount(), d.linkFaults),
	}
}

// retired are pages of both causes.
func (d *device) retired() answer.Of[int] {
	pages := func(cause gonvml.PageRetirementCause) answer.Of[int] {
		return answer.Map(ask(d, "nvmlDeviceGetRetiredPages", with(gonvml.Device.GetRetiredPages, cause)),
			func(addresses []uint64) int { return len(addresses) })
	}
	return then(pages(gonvml.PAGE_RETIREMENT_CAUSE_MULTIPLE_SINGLE_BIT_ECC_ERRORS), func(single int) answer.Of[int] {
		return answer.Map(pages(gonvml.PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR), func(double int) int { return single + double })
	})
}

func (d *device) linkFaults(n int) []LinkFaults {
	faults := make([]LinkFaults, n)
	want := make([]field, 2*n)
	for l := range n {
		want[2*l], want[2*l+1] = field{gonvml.FI_DEV_NVLINK_COUNT_RCV_ERRORS, uint32(l)}, field{gonvml.FI_DEV_NVLINK_COUNT_LINK_RECOVERY_EVENTS, uint32(l)}
	}
	newer := d.fields(want...) // of Blackwell and later
	for l := range faults {
		count := func(kind gonvml.NvLinkErrorCounter) answer.Of[uint64] {
			return askLink(d, "nvmlDeviceGetNvLinkErrorCounter", l, func(g gonvml.Device, l int) (uint64, gonvml.Return) {
				return g.GetNvLinkErrorCounter(l, kind)
			})
		}
		faults[l] = LinkFaults{
			Replays:    count(gonvml.NVLINK_ERROR_DL_REPLAY),
			Recoveries: or(count(gonvml.NVLINK_ERROR_DL_RECOVERY), func() answer.Of[uint64] { return newer[2*l+1] }),
			CRCFlit:    count(gonvml.NVLINK_ERROR_DL_CRC_FLIT),
			CRCData:    count(gonvml.NVLINK_ERROR_DL_CRC_DATA),
			RxErrors:   newer[2*l],
		}
	}
	return faults
}
