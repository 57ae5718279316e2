//go:build cgo && linux

package nvml

import (
	"fmt"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/commbench/commbench/nvml/answer"
)

var fabricStates = map[uint32]string{
	gonvml.GPU_FABRIC_STATE_NOT_SUPPORTED: "not supported",
	gonvml.GPU_FABRIC_STATE_NOT_STARTED:   "not started",
	gonvml.GPU_FABRIC_STATE_IN_PROGRESS:   "in progress",
	gonvml.GPU_FABRIC_STATE_COMPLETED:     "completed",
}

// fabric is by the first version of the call: later ones add the fabric's health.
func (d *device) fabric() answer.Of[Fabric] {
	const symbol = "nvmlDeviceGetGpuFabricInfo"
	return then(ask(d, symbol, gonvml.Device.GetGpuFabricInfo), func(info gonvml.GpuFabricInfo) answer.Of[Fabric] {
		return answer.Map(named(answer.Is(uint32(info.State)), "fabric state", fabricStates), func(state string) Fabric {
			f := Fabric{State: state, Clique: info.CliqueId}
			if u := info.ClusterUuid; u != [len(u)]uint8{} {
				f.Cluster = fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
			}
			if info.State == gonvml.GPU_FABRIC_STATE_COMPLETED {
				f.Status = "ok"
				if ret := gonvml.Return(info.Status); ret != gonvml.SUCCESS {
					f.Status = ret.Error()
				}
			}
			return f
		})
	})
}
