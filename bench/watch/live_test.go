package watch

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machine(t, "h100x2,lost:1:5")
		defer m.Close()
		l := NewLive(m, m.Read())
		look := func() map[string]*float64 {
			all := map[string]*float64{}
			for _, f := range l.Look() {
				if f.Unit == "" {
					t.Errorf("%s %s has no unit", f.Source, f.Name)
				}
				all[f.Source+" "+f.Name] = f.Value
			}
			delete(all, "host cpu_busy") // is there if a tick has passed
			delete(all, "host cpu_steal")
			return all
		}
		first := look()
		if first["gpu0 power"] == nil || len(first) != 2*6 {
			t.Errorf("at first %v", first)
		}
		time.Sleep(2 * time.Second)
		second := look()
		if rate := second["mlx5_0/1 tx"]; rate == nil || *rate != 0.75*50e9 {
			t.Errorf("a NIC sends %v a second", rate)
		}
		if len(second) != 2*13+2*2 || second["gpu1 nvlink_tx"] == nil || second["gpu1 sm_active"] == nil {
			t.Errorf("then %v", second)
		}
		time.Sleep(3 * time.Second)
		lost := look()
		if value, ok := lost["gpu1 power"]; !ok || value != nil || lost["gpu0 power"] == nil || len(lost) != len(second) {
			t.Errorf("of a GPU that is lost %v", lost)
		}
		troubles := strings.Join(l.Troubles(), "\n")
		for _, want := range []string{"errors came up: GPU 1 answers no more", "GPU is lost", "UTC)"} {
			if !strings.Contains(troubles, want) {
				t.Errorf("no %q among the troubles\n%s", want, troubles)
			}
		}
		time.Sleep(time.Minute)
		if look(); strings.Join(l.Troubles(), "\n") != troubles {
			t.Errorf("a minute later they are\n%s", strings.Join(l.Troubles(), "\n"))
		}
		for range 100 {
			look()
		}
		for _, c := range l.s.columns {
			if len(c.values) > 0 || len(l.s.at) > 0 {
				t.Errorf("%s keeps %d values", c.name(), len(c.values))
			}
		}
	})
}

// Errors that come up while somebody looks on are troubles.
func TestLiveFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machine(t, "h100x2,ecc:1")
		defer m.Close()
		l := NewLive(m, m.Read())
		for _, want := range []string{"", "", "errors came up: GPU 1: 3 memory errors that ECC could not correct  (00:00:03 UTC)", "GPU 1: 5 memory errors that ECC could not correct  (00:00:03 UTC)"} {
			l.Look()
			if got := strings.Join(l.Troubles(), "\n"); !strings.Contains(got, want) || (got == "") != (want == "") {
				t.Errorf("%q, expected %q", got, want)
			}
			time.Sleep(1500 * time.Millisecond)
			if want != "" {
				time.Sleep(time.Second)
			}
		}
	})
}
