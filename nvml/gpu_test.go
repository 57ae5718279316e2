//go:build cgo && linux

package nvml

import (
	"encoding/binary"
	"fmt"
	"math"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/server"
)

// gpu is a device of a machine.
type gpu struct {
	*server.Device
	values map[field]any // a number, or the code in its place
	wires  []wire        // its NVLinks
	events []gonvml.EventData
	wait   gonvml.Return // when there is none
	gpm    gonvml.Return
	sample int
}

// wire is an NVLink.
type wire struct {
	state gonvml.Return
	down  bool
	kind  gonvml.IntNvLinkDeviceType
	bus   uint32 // of what is at the other end
}

func toSwitch(n int) (wires []wire) {
	for range n {
		wires = append(wires, wire{kind: gonvml.NVLINK_DEVICE_TYPE_SWITCH, bus: 0xc1})
	}
	return wires
}

func bus(gpu int) uint32 { return 0x17 + 0x10*uint32(gpu) }

func (m *machine) equip(dev *server.Device, i, cores int, wires []wire) *gpu {
	d := &gpu{Device: dev, wires: append([]wire{}, wires...), wait: gonvml.ERROR_TIMEOUT}
	d.values = map[field]any{
		{138, allLinks}: uint64(10), {139, allLinks}: uint64(11), {140, allLinks}: uint64(12), {141, allLinks}: uint64(13),
		{164, perLink}: uint32(26562), {208, perLink}: uint64(9), {197, 0}: uint64(4000), {198, 0}: uint64(5000),
	}
	dev.GetPciInfoFunc = func() (gonvml.PciInfo, gonvml.Return) {
		p := gonvml.PciInfo{Bus: bus(i), PciDeviceId: dev.Config.PciDeviceId}
		for n, c := range fmt.Sprintf("%08X:%02X:00.0", 0, p.Bus) {
			p.BusId[n] = int8(c)
		}
		return p, ok
	}
	dev.GetNumGpuCoresFunc = answers(cores)
	dev.GetMemoryAffinityFunc = func(n int, scope gonvml.AffinityScope) ([]uint, gonvml.Return) {
		nodes := make([]uint, n/64)
		nodes[i/4] = 1 // GPUs 4 and up are of node 64
		return nodes, scopeCode(scope)
	}
	dev.GetComputeModeFunc = answers(gonvml.COMPUTEMODE_EXCLUSIVE_PROCESS)
	dev.GetPersistenceModeFunc = answers(gonvml.FEATURE_ENABLED)
	dev.GetEccModeFunc = func() (gonvml.EnableState, gonvml.EnableState, gonvml.Return) {
		return gonvml.FEATURE_ENABLED, gonvml.FEATURE_DISABLED, ok
	}
	dev.GetEnforcedPowerLimitFunc = answers(uint32(699_500))
	dev.GetMaxClockInfoFunc = byClock(1980, 2619)
	dev.GetVbiosVersionFunc = answers("96.00.74.00.01")
	dev.GetCurrPcieLinkGenerationFunc, dev.GetMaxPcieLinkGenerationFunc = answers(4), answers(5)
	dev.GetCurrPcieLinkWidthFunc, dev.GetMaxPcieLinkWidthFunc = answers(8), answers(16)
	d.equipLinks()
	dev.GetGpuFabricInfoFunc = answers(gonvml.GpuFabricInfo{State: gonvml.GPU_FABRIC_STATE_COMPLETED})
	dev.GetTopologyCommonAncestorFunc = func(peer gonvml.Device) (gonvml.GpuTopologyLevel, gonvml.Return) {
		if i/4 == peer.(*server.Device).Index/4 {
			return gonvml.TOPOLOGY_NODE, ok
		}
		return gonvml.TOPOLOGY_SYSTEM, ok
	}
	dev.GetP2PStatusFunc = func(_ gonvml.Device, what gonvml.GpuP2PCapsIndex) (gonvml.GpuP2PStatus, gonvml.Return) {
		return map[gonvml.GpuP2PCapsIndex]gonvml.GpuP2PStatus{
			gonvml.P2P_CAPS_INDEX_READ: gonvml.P2P_STATUS_OK, gonvml.P2P_CAPS_INDEX_WRITE: gonvml.P2P_STATUS_CHIPSET_NOT_SUPPORTED,
			gonvml.P2P_CAPS_INDEX_ATOMICS: gonvml.P2P_STATUS_DISABLED_BY_REGKEY, gonvml.P2P_CAPS_INDEX_NVLINK: gonvml.P2P_STATUS_NOT_SUPPORTED,
		}[what], ok
	}
	dev.GetClockInfoFunc = byClock(1755, 2600)
	dev.GetPowerUsageFunc = answers(uint32(345_600))
	dev.GetTotalEnergyConsumptionFunc = answers(uint64(7_000_250))
	dev.GetTemperatureFunc = func(sensor gonvml.TemperatureSensors) (uint32, gonvml.Return) { return 41 + uint32(sensor), ok }
	dev.GetCurrentClocksEventReasonsFunc = answers(uint64(0x404))
	dev.GetCurrentClocksThrottleReasonsFunc = answers(uint64(0x8))
	dev.GetUtilizationRatesFunc = answers(gonvml.Utilization{Gpu: 97, Memory: 31})
	dev.GetViolationStatusFunc = func(p gonvml.PerfPolicyType) (gonvml.ViolationTime, gonvml.Return) {
		return gonvml.ViolationTime{ReferenceTime: 9, ViolationTime: 100 + uint64(p)}, ok
	}
	dev.GetTotalEccErrorsFunc = func(kind gonvml.MemoryErrorType, since gonvml.EccCounterType) (uint64, gonvml.Return) {
		return 20 + uint64(kind) + 100*uint64(since), ok
	}
	dev.GetRetiredPagesFunc = func(cause gonvml.PageRetirementCause) ([]uint64, gonvml.Return) {
		return make([]uint64, 1+2*cause), ok
	}
	dev.GetRemappedRowsFunc = func() (int, int, bool, bool, gonvml.Return) { return 3, 4, true, false, ok }
	dev.GetPcieReplayCounterFunc = answers(6)
	dev.GpmQueryDeviceSupportFunc = answers(gonvml.GpmSupport{IsSupportedDevice: 1})
	dev.GpmSampleGetFunc = func(gonvml.GpmSample) gonvml.Return { d.sample++; return d.gpm }
	dev.GetSupportedEventTypesFunc = answers(uint64(gonvml.EventTypeXidCriticalError | gonvml.EventTypeClock))
	dev.RegisterEventsFunc = func(kinds uint64, set gonvml.EventSet) gonvml.Return {
		if kinds != gonvml.EventTypeXidCriticalError {
			return gonvml.ERROR_INVALID_ARGUMENT
		}
		set.(*mock.EventSet).WaitFunc = d.nextEvent
		return ok
	}
	return d
}

func (d *gpu) equipLinks() {
	d.GetNvLinkStateFunc = onLink(d, func(w wire) gonvml.EnableState {
		if w.down {
			return gonvml.FEATURE_DISABLED
		}
		return gonvml.FEATURE_ENABLED
	})
	d.GetNvLinkVersionFunc = onLink(d, func(wire) uint32 { return uint32(gonvml.NVLINK_VERSION_4_0) })
	d.GetNvLinkRemoteDeviceTypeFunc = onLink(d, func(w wire) gonvml.IntNvLinkDeviceType { return w.kind })
	d.GetNvLinkRemotePciInfoFunc = onLink(d, func(w wire) gonvml.PciInfo { return gonvml.PciInfo{Bus: w.bus} })
	d.GetNvLinkErrorCounterFunc = func(l int, kind gonvml.NvLinkErrorCounter) (uint64, gonvml.Return) {
		return onLink(d, func(wire) uint64 { return uint64(10*l) + uint64(kind) })(l)
	}
	d.GetFieldValuesFunc = func(values []gonvml.FieldValue) gonvml.Return {
		for i := range values {
			v := &values[i]
			value, there := d.values[field{v.FieldId, v.ScopeId}]
			if !there && int(v.ScopeId) < len(d.wires) {
				value, there = d.values[field{v.FieldId, perLink}]
			}
			if !there {
				value = noSupport
			}
			setValue(v, value)
		}
		return ok
	}
}

func setValue(v *gonvml.FieldValue, value any) {
	kind := gonvml.VALUE_TYPE_UNSIGNED_LONG_LONG
	switch value := value.(type) {
	case gonvml.Return:
		v.NvmlReturn = uint32(value)
		return
	case uint64:
		binary.NativeEndian.PutUint64(v.Value[:], value)
	case uint32:
		kind = gonvml.VALUE_TYPE_UNSIGNED_INT
		binary.NativeEndian.PutUint32(v.Value[:], value)
	case uint16:
		kind = gonvml.VALUE_TYPE_UNSIGNED_SHORT
		binary.NativeEndian.PutUint16(v.Value[:], value)
	case uint:
		kind = gonvml.VALUE_TYPE_UNSIGNED_LONG
		binary.NativeEndian.PutUint64(v.Value[:], uint64(value))
	case float64:
		kind = gonvml.VALUE_TYPE_DOUBLE
		binary.NativeEndian.PutUint64(v.Value[:], math.Float64bits(value))
	case int64:
		kind = gonvml.VALUE_TYPE_SIGNED_LONG_LONG
		binary.NativeEndian.PutUint64(v.Value[:], uint64(value))
	}
	v.ValueType = uint32(kind)
}

// nextEvent is what waits, and then that nothing does.
func (d *gpu) nextEvent(uint32) (gonvml.EventData, gonvml.Return) {
	if len(d.events) == 0 {
		return gonvml.EventData{}, d.wait
	}
	e := d.events[0]
	d.events = d.events[1:]
	return e, ok
}

func onLink[T any](d *gpu, f func(wire) T) func(int) (T, gonvml.Return) {
	return func(l int) (v T, ret gonvml.Return) {
		if l >= len(d.wires) {
			return v, noArg
		}
		if ret := d.wires[l].state; ret != ok {
			return v, ret
		}
		return f(d.wires[l]), ok
	}
}

func answers[T any](v T) func() (T, gonvml.Return) {
	return func() (T, gonvml.Return) { return v, ok }
}

func byClock(sm, memory uint32) func(gonvml.ClockType) (uint32, gonvml.Return) {
	return func(c gonvml.ClockType) (uint32, gonvml.Return) {
		return map[gonvml.ClockType]uint32{gonvml.CLOCK_SM: sm, gonvml.CLOCK_MEM: memory}[c], ok
	}
}

func scopeCode(scope gonvml.AffinityScope) gonvml.Return {
	if scope != gonvml.AFFINITY_SCOPE_NODE {
		return noArg
	}
	return ok
}
