package fabric_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/nvml/answer"
)

func TestReader(t *testing.T) {
	m := machine()
	root := m.write(t)
	set := func(name, text string) {
		t.Helper()
		must(t, os.WriteFile(filepath.Join(root, "sys/class", name), []byte(text), 0o644))
	}
	eth1 := fabric.Interface{Name: "eth1"}
	ib := fabric.Port{Device: "mlx5_0", Number: 1}
	efa := fabric.Port{Device: "rdmap194s0", Number: 1}
	n := func(v uint64) answer.Of[uint64] { return answer.Is(v) }
	tests := map[string]struct {
		r             *fabric.Reader
		folder        string // below sys/class
		tx            string // the file that counts what is sent
		before, after fabric.Counters
	}{
		"interface":  {eth1.Reader(root), "net/eth1", "statistics/tx_bytes", fabric.Counters{TxBytes: 100, RxBytes: 200, TxPackets: n(10), RxPackets: n(20)}, fabric.Counters{TxBytes: 1e9, RxBytes: 200, TxPackets: n(10), RxPackets: n(20)}},
		"InfiniBand": {ib.Reader(root), "infiniband/mlx5_0", "ports/1/counters/port_xmit_data", fabric.Counters{TxBytes: 4 * words, RxBytes: 100, TxPackets: n(1), RxPackets: n(2)}, fabric.Counters{TxBytes: 4e9, RxBytes: 100, TxPackets: n(1), RxPackets: n(2)}},
		"EFA":        {efa.Reader(root), "infiniband/rdmap194s0", "ports/1/hw_counters/tx_bytes", fabric.Counters{TxBytes: 4444, RxBytes: 5555, TxPackets: n(4), RxPackets: n(5)}, fabric.Counters{TxBytes: 1e9, RxBytes: 5555, TxPackets: n(4), RxPackets: n(5)}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := test.r.Read(); err != nil || got != test.before {
				t.Errorf("at first %v, %v, expected %v", got, err, test.before)
			}
			set(test.folder+"/"+test.tx, "1000000000\n")
			if got, err := test.r.Read(); err != nil || got != test.after {
				t.Errorf("then %v, %v, expected %v", got, err, test.after)
			}

			// The device goes, and comes back.
			gone := filepath.Join(root, "sys/class", test.folder)
			must(t, os.Rename(gone, gone+".away"))
			device := strings.Split(test.folder, "/")[1]
			_, err := test.r.Read()
			if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, errors.ErrUnsupported) || !strings.HasPrefix(err.Error(), "fabric: "+device) {
				t.Errorf("of a device that is gone: %v", err)
			}
			must(t, os.Rename(gone+".away", gone))
			if got, err := test.r.Read(); err != nil || got != test.after {
				t.Errorf("of one that came back: %v, %v", got, err)
			}

			// Packets are no bytes.
			packets := filepath.Join(gone, filepath.Dir(test.tx), map[string]string{
				"interface": "tx_packets", "InfiniBand": "port_xmit_packets", "EFA": "tx_pkts"}[name])
			must(t, os.Remove(packets))
			got, err := test.r.Read()
			if err != nil || got.TxBytes != test.after.TxBytes || !errors.Is(got.TxPackets.Err(), errors.ErrUnsupported) {
				t.Errorf("without packets: %v, %v", got, err)
			}
		})
	}
}

// The data of a port is counted in words, and the sum of bytes wraps: what passed is right.
func TestReaderWraps(t *testing.T) {
	m := machine()
	data := "devices/pci0000:15/0000:15:01.0/0000:18:00.0/infiniband/mlx5_0/ports/1/counters/port_xmit_data"
	m[data] = "18446744073709551615\n"
	root := m.write(t)
	p := fabric.Port{Device: "mlx5_0", Number: 1}
	r := p.Reader(root)
	before, err := r.Read()
	must(t, err)
	must(t, os.WriteFile(filepath.Join(root, "sys", data), []byte("24\n"), 0o644))
	after, err := r.Read()
	must(t, err)
	if got := after.TxBytes - before.TxBytes; got != 4*25 {
		t.Errorf("%d bytes passed, expected %d", got, 4*25)
	}
}

func BenchmarkReader(b *testing.B) {
	p := fabric.Port{Device: "mlx5_0", Number: 1}
	r := p.Reader(machine().write(b))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Read(); err != nil {
			b.Fatal(err)
		}
	}
}
