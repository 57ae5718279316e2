package bench

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml/answer"
)

// ledgers are those of 2 nodes of 2 ranks: rank r has put 10^r bytes to each other rank over
// scale-out, and 5 x 10^r within its node, to itself too.
func ledgers() (all []*plan.Ledger) {
	for r, bytes := range []int64{1, 10, 100, 1000} {
		l := &plan.Ledger{ScaleOut: make([]plan.Link, 4), ScaleUp: make([]plan.Link, 2)}
		for peer := range l.ScaleOut {
			if peer/2 != r/2 {
				l.ScaleOut[peer] = plan.Link{Tokens: 1, Bytes: bytes, Meta: 1, Signals: 2}
			}
		}
		for i := range l.ScaleUp {
			l.ScaleUp[i] = plan.Link{Tokens: 1, Bytes: 5 * bytes}
		}
		all = append(all, l)
	}
	return all
}

func TestLoadOfANetwork(t *testing.T) {
	link := func(tokens, bytes, meta, signals int64) plan.Link {
		return plan.Link{Tokens: tokens, Bytes: bytes, Meta: meta, Signals: signals}
	}
	tests := map[string]struct {
		x    crossing
		want load
	}{
		"scale-out over loopback": {crossing{gpus: 2, out: true}, load{link(8, 2222, 8, 16), link(8, 2222, 8, 16)}},
		"both hops over loopback": {crossing{gpus: 2, out: true, up: true}, load{link(12, 2222+5555, 8, 16), link(12, 2222+5555, 8, 16)}},
		"node 0 here, node 1 elsewhere": {crossing{gpus: 2, out: true, up: true, across: true, near: []bool{true, true, false, false}, mine: []bool{true, true, false, false}},
			load{link(4, 22, 4, 8), link(4, 2200, 4, 8)}},
		"ranks 0 and 2 here": {crossing{gpus: 2, out: true, up: true, across: true, near: []bool{true, false, true, false}, mine: []bool{true, false, true, false}},
			load{link(4, 1+100+5+500, 2, 4), link(4, 10+1000+50+5000, 2, 4)}},
		"rank 0 here, rank 1 by another interface": {crossing{gpus: 2, out: true, up: true, across: true, near: []bool{true, true, false, false}, mine: []bool{true, false, false, false}},
			load{link(2, 2, 2, 4), link(2, 1100, 2, 4)}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.x.load(ledgers()), cmp.AllowUnexported(load{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// counters are the files of an interface.
type counters struct {
	t  *testing.T
	at string
}

func newCounters(t *testing.T) (*counters, *crossing) {
	root := t.TempDir()
	c := &counters{t, filepath.Join(root, "sys/class/net/eth9/statistics")}
	if err := os.MkdirAll(c.at, 0o755); err != nil {
		t.Fatal(err)
	}
	device := fabric.Interface{Name: "eth9", Kind: "ethernet", MTU: answer.Is(1500), SpeedMbps: answer.Is(8000)}
	return c, &crossing{gpus: 2, out: true, across: true, near: []bool{true, true, false, false}, mine: []bool{true, true, false, false}, device: device, reader: device.Reader(root)}
}

func (c *counters) set(tx, rx string) {
	for name, text := range map[string]string{"tx_bytes": tx, "rx_bytes": rx, "tx_packets": "0", "rx_packets": "0"} {
		if err := os.WriteFile(filepath.Join(c.at, name), []byte(text+"\n"), 0o644); err != nil {
			c.t.Fatal(err)
		}
	}
}

func TestTallyOfIterations(t *testing.T) {
	tests := map[string]struct {
		looks [][2]string // before and after each iteration, in turn; "" is that the interface is gone
		bytes int64
		why   string
	}{
		"grows":          {[][2]string{{"100", "50"}, {"1100", "150"}, {"5000", "9000"}, {"6000", "9900"}}, 1100 + 1900, ""},
		"went backwards": {[][2]string{{"100", "50"}, {"1100", "150"}, {"1100", "150"}, {"7", "0"}}, 1100, "backwards"},
		"is gone":        {[][2]string{{"100", "50"}, {"1100", "150"}, {"", ""}, {"", ""}}, 1100, "eth9"},
		"is gone, back":  {[][2]string{{"100", "50"}, {"", ""}, {"1", "1"}, {"2", "2"}}, 0, "eth9"},
		"not a number":   {[][2]string{{"100", "x"}, {"200", "50"}}, 0, "rx_bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, x := newCounters(t)
			var o tally
			for i, look := range test.looks {
				if look[0] == "" {
					if err := os.RemoveAll(c.at); err != nil {
						t.Fatal(err)
					}
				} else {
					if err := os.MkdirAll(c.at, 0o755); err != nil {
						t.Fatal(err)
					}
					c.set(look[0], look[1])
				}
				if i%2 == 0 {
					x.begin(&o)
				} else {
					x.end(&o)
				}
			}
			if o.bytes != test.bytes || o.iterations != len(test.looks)/2 {
				t.Errorf("%d bytes in %d iterations, expected %d in %d", o.bytes, o.iterations, test.bytes, len(test.looks)/2)
			}
			if (o.why == nil) != (test.why == "") || o.why != nil && !strings.Contains(o.why.Error(), test.why) {
				t.Errorf("why is %v, expected %q", o.why, test.why)
			}
		})
	}
}

func TestCountedBesideTheLedger(t *testing.T) {
	c, x := newCounters(t)
	o := &series{ledgers: ledgers()}
	for i := range 3 {
		c.set([]string{"0", "100", "200"}[i], []string{"0", "3000", "6000"}[i])
		x.begin(&o.tally)
		c.set([]string{"30", "130", "230"}[i], []string{"2300", "5300", "8300"}[i])
		x.end(&o.tally)
	}
	got, why := x.compare(o)
	if why != "" || got == nil {
		t.Fatalf("%+v, %q", got, why)
	}
	// 4 rows and 8 signals go out, and as many come: 24 pieces an iteration.
	const ledger = 22 + 4 + 2200 + 4
	const most = 8208 // (ledger + pieces x (40 + 2 x 86)) x (1 + 2 x 86 / (1500 - 86)), rounded down
	want := &record.Counted{Interface: "eth9", Iterations: 3, Bytes: 3 * 2330, LedgerBytes: 3 * ledger, Ratio: new(2330.0 / ledger), MostBytes: 3 * most}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// 2,200 bytes came in 1 us: 2.2 GB/s over 8 Gbit/s.
	if v := x.rate(o, 1); v.State != record.Bad || !strings.Contains(v.Why, "eth9") {
		t.Errorf("in 1 us: %v", v)
	}
	if v := x.rate(o, 10); v.State != record.Good {
		t.Errorf("in 10 us: %v", v)
	}
	x.device.Kind = "virtual"
	if v := x.rate(o, 1); v.State != record.None {
		t.Errorf("over software: %v", v)
	}
	x.why = errors.New("no interface eth9")
	if v := x.rate(o, 1); v.State != record.Unknown {
		t.Errorf("over an interface that is not known: %v", v)
	}
}

func TestNothingToCount(t *testing.T) {
	var none *crossing
	var o series
	none.begin(&o.tally)
	none.end(&o.tally)
	if c, why := none.compare(&o); c != nil || why != "" || none.leaves() != "" {
		t.Errorf("without a network: %+v, %q", c, why)
	}
	if v := none.rate(&o, 1); v.State != record.None {
		t.Errorf("without a network: %v", v)
	}
	for name, x := range map[string]*crossing{
		"not known":         {why: errors.New("no interface eth9")},
		"nothing was moved": {},
	} {
		x.begin(&o.tally)
		x.end(&o.tally)
		if c, why := x.compare(&o); c != nil || why == "" {
			t.Errorf("%s: %+v, %q", name, c, why)
		}
	}
	o.tally.why = fs.ErrNotExist
	if c, why := new(crossing).compare(&o); c != nil || !strings.Contains(why, "not exist") {
		t.Errorf("gone: %+v, %q", c, why)
	}
}

func TestInterfaceThatBytesCross(t *testing.T) {
	all, ok := fabric.Read("").Interfaces.Get()
	if !ok || len(all) < 1 {
		t.Skip("this system does not list its interfaces")
	}
	x := crossing{}
	x.find(&record.Network{Interface: new("eth0")}) // its own address is behind loopback, too
	if x.device.Kind != "loopback" || x.reader == nil || x.leaves() != "" {
		t.Errorf("on one host bytes cross %+v", x.device)
	}
	x = crossing{across: true}
	x.find(&record.Network{Interface: &all[0].Name})
	if x.leaves() != all[0].Name || x.why != nil {
		t.Errorf("between hosts bytes cross %q (%v), expected %q", x.leaves(), x.why, all[0].Name)
	}
	for name, n := range map[string]*record.Network{"no such": {Interface: new("none9")}, "not known": {}, "none": nil} {
		x = crossing{across: true}
		if x.find(n); x.why == nil || x.reader != nil {
			t.Errorf("%s: an interface was found: %+v", name, x.device)
		}
	}
}

// Counters that are older than an iteration are not compared, whatever stands on them.
func TestStale(t *testing.T) {
	driver := func(name, driver string, below ...string) fabric.Interface {
		return fabric.Interface{Name: name, Driver: answer.Is(driver), Switch: answer.None[string]("no phys_switch_id"), Below: below}
	}
	eth4 := driver("eth4", "mlx5_core")
	eth4.Switch = answer.Is("e41d2d0003a1420c")
	all := []fabric.Interface{driver("eth0", "bnxt_en"), driver("eth1", "mlx5_core"), driver("bond0", "", "eth1", "eth0"), driver("bond0.7", "", "bond0"),
		driver("bond1", "", "eth1"), eth4, driver("vlan4", "", "eth4"), driver("eth9", "", "gone")}
	for name, want := range map[string]string{"eth0": "eth0, driver bnxt_en", "bond0": "eth0", "bond0.7": "eth0", "eth4": "eth4, driver mlx5_core", "vlan4": "eth4",
		"eth1": "", "bond1": "", "eth9": "", "lo": ""} {
		if err := stale(name, all); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %q", name, err, want)
		}
	}
}

// Processes take turns where they are on one host and may use one CPU.
func TestShares(t *testing.T) {
	mine := watched{On: "a", CPUs: []int{0, 1, 2, 3}}
	for name, test := range map[string]struct {
		other watched
		want  bool
	}{
		"itself":       {mine, true},
		"overlapping":  {watched{On: "a", CPUs: []int{3, 4}}, true},
		"bound apart":  {watched{On: "a", CPUs: []int{4, 5, 6, 7}}, false},
		"another host": {watched{On: "b", CPUs: []int{0, 1, 2, 3}}, false},
	} {
		if got := test.other.shares(&mine); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if mine.CPUs = nil; !(&watched{On: "a"}).shares(&mine) { // nobody can tell
		t.Error("on a system without lists")
	}
}
