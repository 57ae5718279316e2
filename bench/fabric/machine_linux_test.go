package fabric_test

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/procfs/sysfs"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/nvml/answer"
)

// The machine that the test runs on has a loopback, which counts what it carries.
func TestThisMachine(t *testing.T) {
	interfaces, _ := byName(t, "")
	lo, ok := interfaces["lo"]
	if !ok || lo.Kind != "loopback" || !errors.Is(lo.PCIe.Err(), errors.ErrUnsupported) {
		t.Fatalf("lo is %v", lo)
	}
	r := lo.Reader("")
	before, err := r.Read()
	must(t, err)
	const size = 1000
	if lo.Up.Or(false) {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		must(t, err)
		defer c.Close()
		_, err = c.WriteTo(make([]byte, size), c.LocalAddr())
		must(t, err)
	}
	after, err := r.Read()
	must(t, err)
	for name, c := range map[string][2]uint64{
		"sent":             {before.TxBytes, after.TxBytes},
		"received":         {before.RxBytes, after.RxBytes},
		"packets sent":     {before.TxPackets.Or(0), after.TxPackets.Or(0)},
		"packets received": {before.RxPackets.Or(0), after.RxPackets.Or(0)},
		"since listed":     {lo.Counters.Or(fabric.Counters{}).TxBytes, before.TxBytes},
	} {
		if c[1] < c[0] {
			t.Errorf("%s went from %d back to %d", name, c[0], c[1])
		}
	}
	if lo.Up.Or(false) && after.TxBytes-before.TxBytes < size {
		t.Errorf("%d bytes were sent, expected %d or more", after.TxBytes-before.TxBytes, size)
	}
}

// The kernel refuses to say whether an interface that is down has a carrier. Only a kernel
// can: this one does of the speed of its loopback.
func TestRefused(t *testing.T) {
	m := machine()
	delete(m, "devices/virtual/net/br0/carrier")
	delete(m, "devices/virtual/net/br0/speed")
	root := m.write(t)
	for _, name := range []string{"carrier", "speed"} {
		must(t, syscall.Symlink("/sys/class/net/lo/speed", root+"/sys/devices/virtual/net/br0/"+name))
	}
	interfaces, _ := byName(t, root)
	br0 := interfaces["br0"]
	if br0.Up != answer.Is(false) {
		t.Errorf("up is %v", br0.Up)
	}
	if err := br0.SpeedMbps.Err(); !errors.Is(err, errors.ErrUnsupported) || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("speed: %v", err)
	}
}

// A reading by prometheus/procfs of the same files is the same, where it has one.
func TestAsProcfs(t *testing.T) {
	t.Run("this machine", func(t *testing.T) {
		other, err := sysfs.NewDefaultFS()
		must(t, err)
		interfaces, _ := byName(t, "")
		for name, i := range interfaces {
			if i.Kind != "virtual" { // which other tests may make, change and remove now
				asProcfs(t, other, name, i)
			}
		}
	})
	t.Run("devices", func(t *testing.T) {
		root := machine().write(t)
		other, err := sysfs.NewFS(root + "/sys")
		must(t, err)
		interfaces, devices := byName(t, root)
		for name, i := range interfaces {
			asProcfs(t, other, name, i)
		}
		// It has no rxe0 for want of fw_ver, and of EFA no bytes.
		for _, name := range []string{"mlx5_0", "mlx5_1", "rdmap194s0"} {
			want, err := other.InfiniBandDevice(name)
			must(t, err)
			deviceAsProcfs(t, want, devices[name])
		}
	})
}

func asProcfs(t *testing.T, other sysfs.FS, name string, i fabric.Interface) {
	t.Helper()
	want, err := other.NetClassByIface(name)
	if err != nil {
		t.Logf("procfs: %v", err) // the interface went away, or answers in a way that it does not take
		return
	}
	same := want.OperState == i.State.Or("") && *want.MTU == int64(i.MTU.Or(0))
	if speed, ok := i.SpeedMbps.Get(); ok {
		same = same && *want.Speed == int64(speed)
	}
	if !same {
		t.Errorf("%s is %v at %v Mbit/s with an MTU of %v, by procfs it is %+v", name, i.State, i.SpeedMbps, i.MTU, want)
	}
}

func deviceAsProcfs(t *testing.T, want *sysfs.InfiniBandDevice, d fabric.Device) {
	t.Helper()
	p, w := d.Ports.Or(nil)[0], want.Ports[1]
	type device struct {
		Firmware, Board, HCA, GUID, State, Physical string
		Rate                                        uint64 // bytes per second
	}
	got := device{d.Firmware.Or(""), d.Board.Or(""), d.HCA.Or(""), d.NodeGUID.Or(""),
		p.State.Or(""), p.Physical.Or(""), uint64(p.RateGbps.Or(0) * 1e9 / 8)}
	if diff := cmp.Diff(device{want.FirmwareVersion, want.BoardID, want.HCAType, want.NodeGUID, w.State, w.PhysState, w.Rate}, got); diff != "" {
		t.Errorf("%s (-procfs +got):\n%s", d.Name, diff)
	}
	c, f := p.Counters.Or(fabric.Counters{}), p.Faults.Or(fabric.PortFaults{})
	for name, pair := range map[string]struct {
		want *uint64
		got  answer.Of[uint64]
	}{
		"sent":             {w.Counters.PortXmitData, answer.Is(c.TxBytes)},
		"received":         {w.Counters.PortRcvData, answer.Is(c.RxBytes)},
		"packets sent":     {w.Counters.PortXmitPackets, c.TxPackets},
		"packets received": {w.Counters.PortRcvPackets, c.RxPackets},
		"symbol errors":    {w.Counters.SymbolError, f.SymbolErrors},
		"link downed":      {w.Counters.LinkDowned, f.LinkDowned},
		"link recovered":   {w.Counters.LinkErrorRecovery, f.LinkRecovered},
		"receive errors":   {w.Counters.PortRcvErrors, f.RxErrors},
		"discards":         {w.Counters.PortXmitDiscards, f.TxDiscards},
		"integrity":        {w.Counters.LocalLinkIntegrityErrors, f.Integrity},
		"overruns":         {w.Counters.ExcessiveBufferOverrunErrors, f.Overruns},
		"waits":            {w.Counters.PortXmitWait, f.TxWait},
		"out of sequence":  {w.HwCounters.OutOfSequence, f.OutOfSequence},
		"out of buffer":    {w.HwCounters.OutOfBuffer, f.OutOfBuffer},
		"ECN":              {w.HwCounters.NpEcnMarkedRocePackets, f.ECNMarked},
		"CNP":              {w.HwCounters.RpCnpHandled, f.CNPsHandled},
	} {
		if pair.want == nil && strings.HasPrefix(d.Name, "rdmap") {
			continue
		}
		if pair.want == nil || pair.got != answer.Is(*pair.want) {
			t.Errorf("%s: %s: %v, by procfs %v", d.Name, name, pair.got, pair.want)
		}
	}
}

func BenchmarkLoopback(b *testing.B) {
	lo := fabric.Interface{Name: "lo"}
	r := lo.Reader("")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Read(); err != nil {
			b.Fatal(err)
		}
	}
}
