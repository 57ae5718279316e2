package fabric_test

import (
	"testing"

	"github.com/commbench/commbench/bench/fabric"
)

func TestShown(t *testing.T) {
	for text, want := range map[string]string{
		"eth0": "eth0", "enx1": "enx1", "enp3s0": "enp3s0",
		"enx0a1b2c3d4e5f": "enx*", "rocex0a1b2c3d4e5f6071/1": "rocex*/1",
		"open /sys/class/net/enx0a1b2c3d4e5f/statistics: gone": "open /sys/class/net/enx*/statistics: gone",
	} {
		if got := fabric.Shown(text); got != want {
			t.Errorf("%q is shown as %q, expected %q", text, got, want)
		}
	}
}
