package judge_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// runs are what can be told of a machine that has run something.
func runs(t *testing.T) map[string]verdict {
	all := map[string]verdict{}
	for _, tests := range []map[string]verdict{near(t), slowed(t), failed(t), ports()} {
		for name, test := range tests {
			all[name] = test
		}
	}
	return all
}

// near are verdicts on which NIC was used.
func near(t *testing.T) map[string]verdict {
	// gpus is a machine of two, each with a NIC of its own; netdev is the interface of the first.
	gpus := func(name string, change ...func(before, after *probe.Page)) func() []record.Verdict {
		netdev := func(before, _ *probe.Page) {
			for i := range before.Fabric.Devices.Or(nil) {
				before.Fabric.Devices.Or(nil)[i].Netdevs = []string{fmt.Sprintf("ib%d", i)}
			}
			with(before, fabric.Interface{Name: "ib0", Up: answer.Is(true)}, fabric.Interface{Name: "ib1", Up: answer.Is(true)})
		}
		return ran(t, "h100x2", judge.Seen{}, judge.Use{Interface: name, GPUs: 1}, append([]func(before, after *probe.Page){netdev}, change...)...)
	}
	interfaces := func(all ...fabric.Interface) func(before, after *probe.Page) {
		return func(before, _ *probe.Page) { with(before, append(before.Fabric.Interfaces.Or(nil), all...)...) }
	}
	return map[string]verdict{
		"the nearest":            {judge.NearestNIC, record.Good, "mlx5_0 is the nearest NIC that sockets can use, or as near as any, to 1 of 1 GPU", gpus("mlx5_0")},
		"the nearest's netdev":   {judge.NearestNIC, record.Good, "ib0 is the nearest NIC", gpus("ib0")},
		"another GPU's":          {judge.NearestNIC, record.Bad, "GPU 0 is NODE from mlx5_3, and PIX from mlx5_0", gpus("mlx5_3")},
		"of a bond":              {judge.NearestNIC, record.Good, "bond0 is the nearest NIC", gpus("bond0", interfaces(fabric.Interface{Name: "bond0", Place: nowhere(), Below: []string{"ib1", "ib0"}}))},
		"of a far bond":          {judge.NearestNIC, record.Bad, "GPU 0 is NODE from bond0, and PIX from mlx5_0", gpus("bond0", interfaces(fabric.Interface{Name: "bond0", Place: nowhere(), Below: []string{"ib1"}}))},
		"on no PCI bus":          {judge.NearestNIC, record.Unknown, "bond0 is on no PCI bus", gpus("bond0", interfaces(fabric.Interface{Name: "bond0", Place: nowhere()}))},
		"an interface":           {judge.NearestNIC, record.Bad, "GPU 0 is NODE from eth0, and PIX from mlx5_0", gpus("eth0", interfaces(fabric.Interface{Name: "eth0", Place: place("0000:01:00.0", "pci0000:00")}))},
		"nothing crossed":        {judge.NearestNIC, record.None, "no hop crossed a network", gpus("")},
		"no NIC has a place":     {judge.NearestNIC, record.None, "no NIC has a place", gpus("eth0", func(p, _ *probe.Page) { p.Fabric.Devices = answer.Is([]fabric.Device{}) })},
		"a GPU without a place":  {judge.NearestNIC, record.Unknown, "GPU 0: could not tell: it does not say", gpus("mlx5_0", func(p, _ *probe.Page) { p.GPUs.Or(nil)[0].Place.Path = answer.Unknown[[]string]("it does not say") })},
		"of no GPU":              {judge.NearestNIC, record.None, "no GPU", between(bare(adapter("mlx5_0")), nil, judge.Seen{}, judge.Use{Interface: "mlx5_0", GPUs: 8})},
		"of a driver that fails": {judge.NearestNIC, record.Unknown, "version mismatch", between(bare(), nil, judge.Seen{}, judge.Use{Interface: "eth0", GPUs: 8}, func(p, _ *probe.Page) { unanswered(p) })},
		"all cards, one NIC": {judge.NearestNIC, record.Good, "to 4 of 8 GPUs", ran(t, "h100-pciex8", judge.Seen{}, judge.Use{Interface: "mlx5_0", GPUs: 8}, func(p, _ *probe.Page) {
			p.Fabric.Devices.Or(nil)[1].Netdevs = []string{"eth1"}
			with(p, fabric.Interface{Name: "eth1", Up: answer.Is(true)})
		})},
		"a nearer one that sockets cannot use": {judge.NearestNIC, record.Good, "mlx5_3 is the nearest NIC that sockets can use", ran(t, "h100x2", judge.Seen{}, judge.Use{Interface: "mlx5_3", GPUs: 1})},
		"near GPUs only":                       {judge.NearestNIC, record.Good, "", ran(t, "h100-pciex8", judge.Seen{}, judge.Use{Interface: "mlx5_0", GPUs: 4})},

		"a link without a switch went down": {judge.Links, record.Bad, "GPU 1: NVLink 5 down", ran(t, "h100x2", judge.Seen{}, judge.Use{}, func(before, after *probe.Page) {
			unswitched(before)
			unswitched(after)
			after.GPUs.Or(nil)[1].Links.Or(nil)[5].Up = answer.Is(false)
		})},
		"a link went down": {judge.Links, record.Bad, "GPU 1: NVLink 5 down", ran(t, "h100x2", judge.Seen{}, judge.Use{}, func(_, after *probe.Page) {
			after.GPUs.Or(nil)[1].Links.Or(nil)[5].Up = answer.Is(false)
		})},

		// Links of other NICs are no concern of a run.
		"the port used is down": {judge.Links, record.Bad, "mlx5_1 port 1 is DOWN", usedOf("mlx5_1")},
		"another port is down":  {judge.Links, record.Good, "", usedOf("mlx5_0")},
		"below what was used":   {judge.Links, record.Bad, "mlx5_1 port 1 is DOWN", usedOf("bond0.7")},
		"its other port": {judge.Links, record.Good, "", usedOf("mlx5_1", func(p *probe.Page) {
			ports := &p.Fabric.Devices.Or(nil)[1].Ports
			*ports = answer.Is([]fabric.Port{ports.Or(nil)[0], {Device: "mlx5_1", Number: 2, Kind: "infiniband", State: answer.Is("ACTIVE")}})
		})},
		"virtual and used":    {judge.Links, record.Bad, "mlx5_1 port 1 is DOWN", usedOf("mlx5_1", func(p *probe.Page) { p.Fabric.Devices.Or(nil)[1].Virtual = true })},
		"its netdev was used": {judge.Links, record.Bad, "mlx5_1 port 1 is DOWN", usedOf("ib1")},
		"no network, no port": {judge.Links, record.None, "", usedOf("")},
	}
}

// usedOf is a run over one of two adapters, of which the second is down.
func usedOf(name string, change ...func(*probe.Page)) func() []record.Verdict {
	p := bare(adapter("mlx5_0"), adapter("mlx5_1", func(d *fabric.Device, p *fabric.Port) {
		d.Netdevs, p.State, p.Physical = []string{"ib1"}, answer.Is("DOWN"), answer.Is("Polling")
	}))
	with(p, fabric.Interface{Name: "ib1", Kind: "infiniband", PCIe: lanes(8)},
		fabric.Interface{Name: "bond0", Below: []string{"ib1"}}, fabric.Interface{Name: "bond0.7", Below: []string{"bond0"}})
	for _, c := range change {
		c(p)
	}
	return between(p, p, judge.Seen{}, judge.Use{Interface: name})
}

// An interface of an RDMA device is that device, and is not judged a second time.
func TestOwnedInterface(t *testing.T) {
	for _, v := range usedOf("ib1")() {
		if v.Name == judge.Links && v.Why != "mlx5_1 port 1 is DOWN (Polling)" {
			t.Error(v)
		}
	}
}

// slowed are verdicts on clocks.
func slowed(t *testing.T) map[string]verdict {
	held := func(seen judge.Seen) func() []record.Verdict { return ran(t, "h100x4", seen, judge.Use{}) }
	return map[string]verdict{
		"for a while": {judge.Clocks, record.Bad, "GPU 3 was held down for 1.50 s by power cap", held(judge.Seen{Looks: 9,
			Reasons: map[int]nvml.Reasons{3: nvml.PowerCap | nvml.Idle}, Seconds: map[int]float64{3: 1.5}})},
		"at a look":    {judge.Clocks, record.Bad, "GPU 2 was held down by heat (hardware)", held(judge.Seen{Reasons: map[int]nvml.Reasons{2: nvml.HardwareHeat}})},
		"by its count": {judge.Clocks, record.Bad, "GPU 1 was held down for 2.00 s, by its own count", held(judge.Seen{Seconds: map[int]float64{1: 2}, Clocked: true})},
		"for a moment": {judge.Clocks, record.Good, "the driver held no GPU down, by its own count", held(judge.Seen{Seconds: map[int]float64{1: 0.5}, Clocked: true, Span: 60})},
		"by nobody":    {judge.Clocks, record.Good, "no GPU was throttled", held(judge.Seen{Looks: 9})},
		"counted":      {judge.Clocks, record.Good, "", held(judge.Seen{Clocked: true})},
		"idle for long": {judge.Clocks, record.Good, "", held(judge.Seen{Looks: 9,
			Reasons: map[int]nvml.Reasons{0: nvml.Idle | nvml.SetClocks}})},
		"unwatched":      {judge.Clocks, record.Unknown, "give --sample", held(judge.Seen{})},
		"lost meanwhile": {judge.Clocks, record.Unknown, "GPU 0: could not tell: GPU is lost", ran(t, "h100x2,lost:0", judge.Seen{Looks: 9}, judge.Use{})},
		"no GPU's":       {judge.Clocks, record.None, "no GPU", between(bare(), bare(), judge.Seen{}, judge.Use{})},
		"no page after": {judge.Clocks, record.Good, "", between(bare(), nil, judge.Seen{Looks: 2}, judge.Use{}, func(p, _ *probe.Page) {
			p.GPUs = answer.Is([]probe.GPU{{Reading: nvml.Reading{Throttle: answer.Is(nvml.Idle)}}})
		})},
	}
}

// failed are verdicts on faults of GPUs.
func failed(t *testing.T) map[string]verdict {
	run := func(spec string, change ...func(before, after *probe.Page)) func() []record.Verdict {
		return ran(t, spec, judge.Seen{Looks: 1}, judge.Use{}, change...)
	}
	seen := func(s judge.Seen) func() []record.Verdict { return ran(t, "h100x2", s, judge.Use{}) }
	// grew is a change of the faults of GPU 1 during the run.
	grew := func(change func(*nvml.Faults)) func(before, after *probe.Page) {
		return func(_, after *probe.Page) { change(&after.GPUs.Or(nil)[1].Faults) }
	}
	seven := answer.Is(uint64(7))
	return map[string]verdict{
		"nothing":            {judge.Faults, record.Good, "no ECC errors, no Xid", run("h100x2")},
		"ECC":                {judge.Faults, record.Bad, "GPU 1: 3 memory errors that ECC could not correct", run("h100x2,ecc:1")},
		"ECC corrected":      {judge.Faults, record.Bad, "GPU 1: 7 memory errors that ECC corrected", run("h100x2", grew(func(f *nvml.Faults) { f.Corrected = seven }))},
		"PCIe replays":       {judge.Faults, record.Bad, "GPU 1: 3 PCIe replays", run("h100x2", grew(func(f *nvml.Faults) { f.PCIeReplays = seven }))},
		"NVLink CRC":         {judge.Faults, record.Bad, "GPU 0, NVLink 0: 3 replays; GPU 0, NVLink 0: 3000 CRC errors of flits", run("h100x2,crc:0")},
		"NVLink data":        {judge.Faults, record.Bad, "GPU 1, NVLink 4: 700 CRC errors of data", run("h100x2", grew(func(f *nvml.Faults) { f.Links.Or(nil)[4].CRCData = answer.Is(uint64(700)) }))},
		"a CRC error":        {judge.Faults, record.Good, "", run("h100x2", grew(func(f *nvml.Faults) { f.Links.Or(nil)[4].CRCData = seven }))},
		"NVLink recoveries":  {judge.Faults, record.Bad, "GPU 1, NVLink 4: 7 recoveries", run("h100x2", grew(func(f *nvml.Faults) { f.Links.Or(nil)[4].Recoveries = seven }))},
		"NVLink gone":        {judge.Faults, record.Unknown, "GPU 1: NVLink errors: could not tell", run("h100x2", grew(func(f *nvml.Faults) { f.Links = answer.Unknown[[]nvml.LinkFaults]("no answer") }))},
		"a remap":            {judge.Faults, record.Bad, "GPU 1: memory rows wait to be remapped", run("h100x2", grew(func(f *nvml.Faults) { f.Remapped = answer.Is(nvml.Remapped{Pending: true}) }))},
		"a remap before":     {judge.Faults, record.Good, "", run("h100x2,remap")},
		"lost":               {judge.Faults, record.Bad, "GPU 1 answers no more: could not tell: GPU is lost", run("h100x2,lost:1:2")},
		"lost before":        {judge.Faults, record.Unknown, "GPU 1: memory errors that ECC corrected: could not tell: GPU is lost", run("h100x2,lost:1:0")},
		"a count restarts":   {judge.Faults, record.Unknown, "GPU 1: memory errors that ECC corrected went from 4 back to 0", run("h100x2", func(before, _ *probe.Page) { before.GPUs.Or(nil)[1].Faults.Corrected = answer.Is(uint64(4)) })},
		"a count is gone":    {judge.Faults, record.Unknown, "GPU 1: memory errors that ECC corrected: not supported: gone", run("h100x2", grew(func(f *nvml.Faults) { f.Corrected = answer.None[uint64]("gone") }))},
		"no permission":      {judge.Faults, record.Unknown, "GPU 0: memory errors that ECC corrected: could not tell: insufficient permissions", run("h100x2,no-permission")},
		"no ECC":             {judge.Faults, record.Good, "", run("h100x2,ecc-off")},
		"counters of bytes":  {judge.Faults, record.Good, "", run("h100x2,vanish,backwards")},
		"Xid":                {judge.Faults, record.Bad, "GPU 1: Xid 79", seen(judge.Seen{Events: []nvml.Event{{Device: 1, Xid: 79}}})},
		"no Xid can be told": {judge.Faults, record.Unknown, "Xid events: GPU 0: no permission GPU 1: no permission", seen(judge.Seen{Deaf: errors.Join(errors.New("GPU 0: no permission"), errors.New("GPU 1: no permission"))})},
		"a GPU without Xids": {judge.Faults, record.Good, "", seen(judge.Seen{Deaf: errors.ErrUnsupported})},
		"silence":            {judge.Faults, record.Unknown, "no answer for 3s from GPU 1", seen(judge.Seen{Silent: "no answer for 3s from GPU 1"})},
		"Xid, then silence":  {judge.Faults, record.Bad, "GPU 1: Xid 79", seen(judge.Seen{Silent: "no answer", Events: []nvml.Event{{Device: 1, Xid: 79}}})},
		"a program's end":    {judge.Faults, record.Good, "", seen(judge.Seen{Events: []nvml.Event{{Device: 1, Xid: 45}}})},
		"pages retired": {judge.Faults, record.Bad, "GPU 1: 2 memory pages retired", run("h100x2", func(before, after *probe.Page) {
			before.GPUs.Or(nil)[1].Faults.RetiredPages, after.GPUs.Or(nil)[1].Faults.RetiredPages = answer.Is(1), answer.Is(3)
		})},
		"a row remapped":   {judge.Faults, record.Bad, "GPU 1: 1 memory row remapped", run("h100x2", grew(func(f *nvml.Faults) { f.Remapped = answer.Is(nvml.Remapped{Uncorrected: 1}) }))},
		"a replay":         {judge.Faults, record.Good, "", run("h100x2", grew(func(f *nvml.Faults) { f.PCIeReplays = answer.Is(f.PCIeReplays.Or(0) + 1) }))},
		"replays":          {judge.Faults, record.Bad, "GPU 1: 20 PCIe replays", run("h100x2", grew(func(f *nvml.Faults) { f.PCIeReplays = answer.Is(f.PCIeReplays.Or(0) + 20) }))},
		"silent":           {judge.Clocks, record.Unknown, "no answer", seen(judge.Seen{Looks: 3, Silent: "no answer"})},
		"of others":        {judge.Faults, record.Good, "", between(bare(adapter("mlx5_0")), bare(adapter("mlx5_0", faulty(func(f *fabric.PortFaults) { f.Retransmits = answer.Is(uint64(9)) }))), judge.Seen{}, judge.Use{Interface: "eth0"})},
		"not looked after": {judge.Faults, record.Unknown, "not looked at after", between(bare(), nil, judge.Seen{}, judge.Use{})},
		"no GPU, no port":  {judge.Faults, record.None, "no GPU and no RDMA port", between(bare(), bare(), judge.Seen{}, judge.Use{})},
		"no driver":        {judge.Faults, record.Unknown, "version mismatch", between(bare(), bare(), judge.Seen{}, judge.Use{}, func(before, after *probe.Page) { unanswered(before); unanswered(after) })},
	}
}

// ports are verdicts on faults of ports.
func ports() map[string]verdict {
	grew := func(change ...func(*fabric.Device, *fabric.Port)) func() []record.Verdict {
		return between(bare(adapter("mlx5_0")), bare(adapter("mlx5_0", change...)), judge.Seen{}, judge.Use{Interface: "mlx5_0"})
	}
	uncounted := func(a answer.Of[fabric.PortFaults]) func(*fabric.Device, *fabric.Port) {
		return func(_ *fabric.Device, p *fabric.Port) { p.Faults = a }
	}
	none := uncounted(answer.None[fabric.PortFaults]("no counters"))
	count := answer.Is(uint64(2))
	all := map[string]verdict{
		"as before":        {judge.Faults, record.Good, "no link errors", grew()},
		"a port is gone":   {judge.Faults, record.Bad, "mlx5_0 port 1 is gone; mlx5_1 port 1 is gone", between(bare(adapter("mlx5_0"), adapter("mlx5_1")), bare(), judge.Seen{}, judge.Use{})},
		"a port came":      {judge.Faults, record.None, "", between(bare(), bare(adapter("mlx5_0")), judge.Seen{}, judge.Use{})},
		"faults unknown":   {judge.Faults, record.Unknown, "mlx5_0 port 1: could not tell: no answer", grew(uncounted(answer.Unknown[fabric.PortFaults]("no answer")))},
		"no faults before": {judge.Faults, record.None, "", between(bare(adapter("siw0", none)), bare(adapter("siw0", none)), judge.Seen{}, judge.Use{})},
		"marks, waits": {judge.Faults, record.Good, "", grew(faulty(func(f *fabric.PortFaults) {
			f.TxWait, f.ECNMarked, f.CNPsHandled, f.OutOfBuffer, f.OutOfSequence = count, count, count, count, count
		}))},
		"counted all that it can": {judge.Faults, record.Unknown, "mlx5_0 port 1: times that the link went down have been 255", full()},
	}
	for why, of := range map[string]func(*fabric.PortFaults) *answer.Of[uint64]{
		"2 symbol errors":                 func(f *fabric.PortFaults) *answer.Of[uint64] { return &f.SymbolErrors },
		"2 times that the link went down": func(f *fabric.PortFaults) *answer.Of[uint64] { return &f.LinkDowned },
		"2 recoveries of the link":        func(f *fabric.PortFaults) *answer.Of[uint64] { return &f.LinkRecovered },
		"2 receive errors":                func(f *fabric.PortFaults) *answer.Of[uint64] { return &f.RxErrors },
		"2 packets that were not sent":    func(f *fabric.PortFaults) *answer.Of[uint64] { return &f.TxDiscards },
		"2 integrity errors":              func(f *fabric.PortFaults) *answer.Of[uint64] { return &f.Integrity },
		"2 buffer overruns":               func(f *fabric.PortFaults) *answer.Of[uint64] { return &f.Overruns },
		"2 retransmits":                   func(f *fabric.PortFaults) *answer.Of[uint64] { return &f.Retransmits },
	} {
		all[why] = verdict{judge.Faults, record.Bad, "mlx5_0 port 1: " + why, grew(faulty(func(f *fabric.PortFaults) { *of(f) = count }))}
	}
	return all
}

// full is a run over a port that has counted to the end before.
func full() func() []record.Verdict {
	p := bare(adapter("mlx5_0", faulty(func(f *fabric.PortFaults) { f.LinkDowned = answer.Is(uint64(255)) })))
	return between(p, p, judge.Seen{}, judge.Use{})
}

// figures are verdicts on what was measured.
func figures() map[string]verdict {
	workers := func(n int, change ...func(*host.Host)) func() []record.Verdict {
		h := bare().Host
		for _, c := range change {
			c(&h)
		}
		return one(func() record.Verdict { return judge.Threads(&h, n) })
	}
	counted := func(ledger, most, bytes int64) func() []record.Verdict {
		return one(func() record.Verdict {
			return judge.Bytes(&record.Counted{Interface: "eth0", Iterations: 3, Bytes: bytes, LedgerBytes: ledger, MostBytes: most}, "")
		})
	}
	rate := func(gbps float64, line answer.Of[float64]) func() []record.Verdict {
		return one(func() record.Verdict { return judge.Rate("eth0", gbps, line) })
	}
	spread := func(steal *float64, us ...float64) func() []record.Verdict {
		return one(func() record.Verdict { return judge.Spread(us, steal) })
	}
	const mib = 1 << 20
	line := answer.Is(12.5)
	return map[string]verdict{
		"fewer":             {judge.Workers, record.Good, "4 workers on 8 CPUs", workers(4)},
		"as many":           {judge.Workers, record.Good, "8 workers on 8 CPUs", workers(8)},
		"more":              {judge.Workers, record.Bad, "9 workers on 8 CPUs take turns", workers(9)},
		"more than a quota": {judge.Workers, record.Bad, "3 workers, and the control group allows 1.5", workers(3, func(h *host.Host) { h.Quota = answer.Is(1.5) })},
		"within a part":     {judge.Workers, record.Good, "2 workers", workers(2, func(h *host.Host) { h.Quota = answer.Is(1.5) })}, // GOMAXPROCS is no less
		"on some of them":   {judge.Workers, record.Bad, "16 workers on 8 CPUs take turns", workers(16, func(h *host.Host) { h.Online = answer.Is(64) })},
		"within a quota":    {judge.Workers, record.Good, "2 workers", workers(2, func(h *host.Host) { h.Quota = answer.Is(2.0) })},
		"quota unknown":     {judge.Workers, record.Good, "1 worker on 8 CPUs", workers(1, func(h *host.Host) { h.Quota = answer.Unknown[float64]("permission denied") })},

		"agree":             {judge.NICBytes, record.Good, "eth0 counted", counted(100*mib, 110*mib, 105*mib)},
		"a little less":     {judge.NICBytes, record.Good, "", counted(100*mib, 110*mib, 96*mib)},
		"a little more":     {judge.NICBytes, record.Good, "", counted(100*mib, 110*mib, 115*mib)},
		"too few bytes":     {judge.NICBytes, record.Bad, "the ledger has", counted(100*mib, 110*mib, 94*mib)},
		"too many bytes":    {judge.NICBytes, record.Bad, "with signals and headers", counted(100*mib, 110*mib, 116*mib)},
		"just enough":       {judge.NICBytes, record.Good, "", counted(16*mib, 17*mib, 16*mib)},
		"little traffic":    {judge.NICBytes, record.None, "too few to compare", counted(16*mib-1, 17*mib, 0)},
		"nothing crossed":   {judge.NICBytes, record.None, "no hop crossed a network", one(func() record.Verdict { return judge.Bytes(nil, "") })},
		"counters are gone": {judge.NICBytes, record.Unknown, "no such device", one(func() record.Verdict { return judge.Bytes(nil, "no such device") })},

		"below the line":    {judge.LineRate, record.Good, "10.0 GB/s crossed eth0, of 12.5", rate(10, line)},
		"at the line":       {judge.LineRate, record.Good, "", rate(12.5, line)},
		"above the line":    {judge.LineRate, record.Bad, "13.0 GB/s crossed eth0, which carries at most 12.5", rate(13, line)},
		"nothing left":      {judge.LineRate, record.None, "nothing left the host", rate(0, line)},
		"software":          {judge.LineRate, record.None, "eth0 has no line rate: not supported: a bridge", rate(1, answer.None[float64]("a bridge"))},
		"line rate unknown": {judge.LineRate, record.Unknown, "eth0: could not tell: no answer", rate(1, answer.Unknown[float64]("no answer"))},

		"quiet":          {judge.Noise, record.Good, "is 10 % of the median apart", spread(nil, 95, 100, 105, 110)},
		"a late one":     {judge.Noise, record.Good, "is 0 %", spread(nil, 100, 100, 100, 100, 900)},
		"noisy":          {judge.Noise, record.Bad, "is 40 %", spread(nil, 80, 100, 120, 140)},
		"at the bound":   {judge.Noise, record.Good, "is 20 %", spread(nil, 90, 100, 110, 130)},
		"stolen":         {judge.Noise, record.Bad, "a hypervisor took 7 % of the CPUs' time", spread(new(0.07), 80, 100, 120, 140)},
		"hardly stolen":  {judge.Noise, record.Bad, "apart", spread(new(0.009), 80, 100, 120, 140)},
		"too few":        {judge.Noise, record.Unknown, "3 iterations: 4 are needed", spread(nil, 1, 2, 3)},
		"one":            {judge.Noise, record.Unknown, "1 iteration: 4 are needed", spread(nil, 1)},
		"not finite":     {judge.Noise, record.Unknown, "sample 1 is NaN", spread(nil, 1, math.NaN(), 1, 1)},
		"median of zero": {judge.Noise, record.Bad, "+Inf", spread(nil, 0, 0, 1, 1)},
	}
}

// What was stolen is said only where it is worth a word.
func TestLittleSteal(t *testing.T) {
	us := []float64{80, 100, 120, 140}
	if little, nothing := judge.Spread(us, new(0.009)), judge.Spread(us, nil); little != nothing {
		t.Errorf("got %v and %v", little, nothing)
	}
}

// The bounds are of what crossed, in any order of samples.
func TestSpreadOfAnyOrder(t *testing.T) {
	us := []float64{140, 80, 120, 100}
	shuffled := judge.Spread(us, nil)
	slices.Sort(us)
	if sorted := judge.Spread(us, nil); sorted != shuffled {
		t.Errorf("got %v and %v", sorted, shuffled)
	}
}
