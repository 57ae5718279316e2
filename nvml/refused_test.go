//go:build cgo && linux

package nvml

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/nvml/answer"
)

// lost are the fields that a refused call costs, by the call: with a code that means that
// there is none, and with one that means that it could not tell where that differs.
var lost = map[string]struct{ none, unknown []string }{
	"GetName":                         {none: f("i.name")},
	"GetUUID":                         {none: f("i.uuid")},
	"GetArchitecture":                 {none: f("i.architecture")},
	"GetCudaComputeCapability":        {none: f("i.compute_capability i.sms")},
	"GetPciInfo":                      {none: f("i.pci")},
	"GetNumGpuCores":                  {none: f("i.sms")},
	"GetMemoryInfo":                   {none: f("i.memory_bytes")},
	"GetMigMode":                      {none: f("i.mig")},
	"GetComputeMode":                  {none: f("i.compute_mode")},
	"GetPersistenceMode":              {none: f("i.persistence")},
	"GetEccMode":                      {none: f("i.ecc")},
	"GetMemoryAffinity":               {none: f("i.numa_node")},
	"GetEnforcedPowerLimit":           {none: f("i.power_limit_w")},
	"GetMaxClockInfo":                 {none: f("i.max_sm_mhz i.max_memory_mhz")},
	"GetVbiosVersion":                 {none: f("i.vbios")},
	"GetCurrPcieLinkGeneration":       {none: f("i.pcie.generation")},
	"GetMaxPcieLinkGeneration":        {none: f("i.pcie.max_generation")},
	"GetCurrPcieLinkWidth":            {none: f("i.pcie.width")},
	"GetMaxPcieLinkWidth":             {none: f("i.pcie.max_width")},
	"GetNvLinkState":                  {f("i.nvlinks f.nvlinks"), f("i.nvlinks f.nvlinks i.peers[1].nvlinks")},
	"GetNvLinkVersion":                {none: f("i.nvlinks[0].version i.nvlinks[1].version")},
	"GetNvLinkRemoteDeviceType":       {none: f("i.nvlinks[0].remote i.nvlinks[1].remote i.peers[1].nvlinks")},
	"GetNvLinkRemotePciInfo":          {none: f("i.nvlinks[0].remote_pci i.nvlinks[1].remote_pci i.nvlinks[0].remote_gpu i.peers[1].nvlinks")},
	"GetNvLinkErrorCounter":           {none: linkFields("replays recoveries crc_flit crc_data")},
	"GetFieldValues":                  {none: append(traffic("nvlink nvlink_raw pcie"), append(linkFields("rx_errors"), f("i.nvlinks[0].speed_mbps i.nvlinks[1].speed_mbps")...)...)},
	"GetGpuFabricInfo":                {none: f("i.fabric")},
	"GetTopologyCommonAncestor":       {none: f("i.peers[1].ancestor")},
	"GetP2PStatus":                    {none: f("i.peers[1].read i.peers[1].write i.peers[1].atomics i.peers[1].over_nvlink")},
	"GetClockInfo":                    {none: f("r.sm_mhz r.memory_mhz")},
	"GetPowerUsage":                   {none: f("r.power_w")},
	"GetTotalEnergyConsumption":       {none: f("r.energy_j")},
	"GetTemperature":                  {none: f("r.temperature_c")},
	"GetCurrentClocksEventReasons":    {f(""), f("r.throttle")},
	"GetCurrentClocksThrottleReasons": {}, // of older drivers
	"GetUtilizationRates":             {none: f("r.utilization_pct r.memory_pct")},
	"GetViolationStatus":              {none: f("r.clocked")},
	"GetTotalEccErrors":               {none: f("f.ecc_corrected f.ecc_uncorrected")},
	"GetRetiredPages":                 {none: f("f.retired_pages")},
	"GetRemappedRows":                 {none: f("f.remapped_rows")},
	"GetPcieReplayCounter":            {none: f("f.pcie_replays")},
	"GpmQueryDeviceSupport":           {none: f("r.gpm")},
	"GpmSampleGet":                    {none: f("r.gpm")},
	"GetSupportedEventTypes":          {},
	"RegisterEvents":                  {},
	// Of the mocks, not asked.
	"CreateGpuInstanceWithPlacement": {}, "GetBrand": {}, "GetGpuInstancePossiblePlacements": {}, "GetGpuInstanceProfileInfo": {},
	"GetGpuInstances": {}, "GetIndex": {}, "GetMinorNumber": {}, "SetMigMode": {}, "CreateGpuInstance": {}, "GetMaxMigDeviceCount": {},
	"GetMigDeviceHandleByIndex": {},
}

func f(names string) []string { return strings.Fields(names) }

func linkFields(names string) (all []string) {
	for _, n := range f(names) {
		all = append(all, "f.nvlinks[0]."+n, "f.nvlinks[1]."+n)
	}
	return all
}

func traffic(names string) (all []string) {
	for _, n := range f(names) {
		all = append(all, "r."+n+".tx_bytes", "r."+n+".rx_bytes")
	}
	return all
}

// newly is what is missing and is not so in a machine where nothing is refused.
func newly(t *testing.T, a all) map[string]string {
	t.Helper()
	m := small()
	missing := answer.Missing(a)
	for at := range answer.Missing(m.says(m.open(t).Devices()[0])) {
		delete(missing, at)
	}
	return missing
}

// derived is that the reason may be another: the answer is of several calls, or of the one
// that is asked in the place of another.
func derived(at string) bool {
	return at == "r.clocked" || strings.HasPrefix(at, "i.peers") || strings.HasSuffix(at, "].recoveries") ||
		strings.HasSuffix(at, "].remote_gpu")
}

// Each call in turn answers each kind of code: exactly its fields are missing, and say why.
func TestRefusedCalls(t *testing.T) {
	for _, call := range calls(small().gpus[0].Device) {
		cost, listed := lost[call]
		if !listed {
			t.Errorf("no row for %s", call)
			continue
		}
		unknown := cost.unknown
		if unknown == nil {
			unknown = cost.none
		}
		none := map[gonvml.Return]bool{noSupport: true, gonvml.ERROR_FUNCTION_NOT_FOUND: true, gonvml.ERROR_DEPRECATED: true}
		for _, code := range []gonvml.Return{noSupport, gonvml.ERROR_FUNCTION_NOT_FOUND, gonvml.ERROR_DEPRECATED,
			gonvml.ERROR_NO_PERMISSION, gonvml.ERROR_UNKNOWN, gonvml.ERROR_TIMEOUT, gonvml.ERROR_NOT_READY} {
			t.Run(call+" "+code.Error(), func(t *testing.T) {
				m := small()
				refuse(m.gpus[0].Device, call, code)
				missing := newly(t, m.says(m.open(t).Devices()[0]))
				want, class := unknown, "could not tell: "
				if none[code] {
					want, class = cost.none, "not supported: "
				}
				if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(maps.Keys(missing))); diff != "" {
					t.Errorf("missing (-want +got):\n%s", diff)
				}
				for at, why := range missing {
					if !derived(at) && (!strings.HasPrefix(why, class) || !strings.Contains(why, code.Error())) {
						t.Errorf("%s: %q, expected %q and the code", at, why, class)
					}
				}
			})
		}
	}
}

// Without a symbol its call must not be made: it would end the process.
func TestMissingSymbols(t *testing.T) {
	for _, call := range calls(small().gpus[0].Device) {
		t.Run(call, func(t *testing.T) {
			m := small()
			symbol := "nvmlDevice" + call
			if strings.HasPrefix(call, "Gpm") {
				symbol = "nvml" + call
			}
			m.lacks[symbol] = true
			fn := reflect.ValueOf(&m.gpus[0].Device.Device).Elem().FieldByName(call + "Func")
			fn.SetZero() // a call panics
			missing := newly(t, m.says(m.open(t).Devices()[0]))
			want := lost[call].none
			if call == "GetPciInfo" { // nobody knows where GPU 1 is either
				want = f("i.pci i.nvlinks[0].remote_gpu i.peers[1].nvlinks")
			}
			if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(maps.Keys(missing))); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
			for at, why := range missing {
				if !derived(at) && !strings.Contains(why, "this driver has no nvml") {
					t.Errorf("%s: %q", at, why)
				}
			}
		})
	}
}

func TestMissingSymbolsOfTheLibrary(t *testing.T) {
	m := small()
	for _, symbol := range []string{"nvmlSystemGetDriverVersion", "nvmlSystemGetNVMLVersion", "nvmlSystemGetCudaDriverVersion",
		"nvmlGpmSampleAlloc", "nvmlEventSetCreate"} {
		m.lacks[symbol] = true
	}
	m.SystemGetDriverVersionFunc, m.SystemGetNVMLVersionFunc, m.SystemGetCudaDriverVersionFunc = nil, nil, nil
	m.GpmSampleAllocFunc, m.EventSetCreateFunc = nil, nil
	l := m.open(t)
	if missing := answer.Missing(l.System()); len(missing) != 3 {
		t.Errorf("of the system %v are missing", missing)
	}
	a, _ := l.Devices()[0].Reading(), l.Devices()[0].Reading()
	if !errors.Is(a.GPM.Err(), errors.ErrUnsupported) {
		t.Errorf("GPM: %v", a.GPM)
	}
	if _, err := l.Events(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("events: %v", err)
	}
}

// The oldest library that could be met counts GPUs, and nothing else: the mocks panic if asked.
func TestOldestDriver(t *testing.T) {
	lib := &mock.Interface{InitFunc: func() gonvml.Return { return ok }, ShutdownFunc: func() gonvml.Return { return ok },
		DeviceGetCountFunc:         answers(1),
		DeviceGetHandleByIndexFunc: func(int) (gonvml.Device, gonvml.Return) { return &mock.Device{}, ok }}
	l, err := open(lib, func(symbol string) bool {
		return symbol == "nvmlDeviceGetCount" || symbol == "nvmlDeviceGetHandleByIndex"
	})
	if err != nil {
		t.Fatal(err)
	}
	d := l.Devices()[0]
	for at, why := range answer.Missing(all{d.Inventory(), d.Reading(), d.Faults()}) {
		if !strings.HasPrefix(why, "not supported: ") {
			t.Errorf("%s: %s", at, why)
		}
	}
	if missing := answer.Missing(l.System()); len(missing) != 3 {
		t.Errorf("of the system %v are missing", missing)
	}
	if events, err := l.Events(); len(events) > 0 || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("events: %v, %v", events, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// All fields of all types are missing on a GPU that answers nothing: none is a guess.
func TestNothingIsGuessed(t *testing.T) {
	m := small()
	for _, call := range calls(m.gpus[0].Device) {
		if call != "GetNvLinkState" { // without links theirs would not be there
			refuse(m.gpus[0].Device, call, gonvml.ERROR_UNKNOWN)
		}
	}
	var fields int
	var count func(reflect.Type)
	count = func(r reflect.Type) {
		for f := range r.Fields() {
			switch {
			case f.Type.PkgPath() == r.PkgPath() && f.Type.Kind() == reflect.Struct:
				count(f.Type)
			case f.Type.Kind() == reflect.Struct:
				fields++
			}
		}
	}
	count(reflect.TypeFor[all]())
	count(reflect.TypeFor[Peer]()) // the other GPU
	fields += 5                    // of itself all but the ancestor, as always
	fields += 2*5 + 2*5 - 2        // of two links all but whether they are up, in place of the lists
	missing := answer.Missing(m.says(m.open(t).Devices()[0]))
	if len(missing) != fields {
		t.Errorf("%d fields are missing, expected %d:\n%s", len(missing), fields, fmt.Sprint(slices.Sorted(maps.Keys(missing))))
	}
}

func TestFieldsOneByOne(t *testing.T) {
	links := f("i.nvlinks[0].speed_mbps i.nvlinks[1].speed_mbps")
	rows := map[field][]string{
		{138, allLinks}: f("r.nvlink.tx_bytes"), {139, allLinks}: f("r.nvlink.rx_bytes"),
		{140, allLinks}: f("r.nvlink_raw.tx_bytes"), {141, allLinks}: f("r.nvlink_raw.rx_bytes"),
		{197, 0}: f("r.pcie.tx_bytes"), {198, 0}: f("r.pcie.rx_bytes"), {164, perLink}: links, {208, perLink}: linkFields("rx_errors"),
	}
	for which, want := range rows {
		for value, class := range map[any]string{
			noSupport: "not supported: ", noArg: "not supported: ", gonvml.ERROR_UNKNOWN: "could not tell: ",
			gonvml.ERROR_NO_PERMISSION: "could not tell: ", int64(-1): "could not tell: ", 1.5: "could not tell: ",
		} {
			m := small()
			m.gpus[0].values[which] = value
			missing := newly(t, m.says(m.open(t).Devices()[0]))
			if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(maps.Keys(missing))); diff != "" {
				t.Errorf("field %v is %v: missing (-want +got):\n%s", which, value, diff)
			}
			for at, why := range missing {
				if !strings.HasPrefix(why, class) || !strings.Contains(why, "field ") {
					t.Errorf("%s: %q, expected %q", at, why, class)
				}
			}
		}
	}
}

func TestAPanicIsNotHidden(t *testing.T) {
	m := small()
	m.gpus[0].GetNameFunc = nil
	l := m.open(t)
	defer func() {
		if recover() == nil {
			t.Error("a mock panicked and nobody saw it")
		}
	}()
	l.Devices()[0].Inventory()
}
