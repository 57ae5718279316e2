package fake_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

func TestLost(t *testing.T) {
	m, c := machine(t, "h100x2,lost:1:30")
	look(m)
	c.wait(29)
	sound, all := look(m), 0
	c.wait(1)
	lost := look(m)
	for place, why := range answer.Missing(lost.GPUs[1]) {
		if all++; why != "could not tell: GPU is lost" {
			t.Errorf("%s: %s", place, why)
		}
	}
	if all < 50 {
		t.Errorf("%d answers are missing, expected all", all)
	}
	for place, is := range changed(t, sound.GPUs[1], lost.GPUs[1]) {
		if is != "null" {
			t.Errorf("%s is %s, of a GPU that is lost", place, is)
		}
	}
	if why := answer.Missing(lost.GPUs[0]); strings.Contains(fmt.Sprint(why), "lost") {
		t.Errorf("the other GPU: %v", why)
	}
}

func TestCloseEndsHanging(t *testing.T) {
	m, _ := machine(t, "h100x2,hang:1")
	m.Devices()[0].Reading()
	m.Devices()[1].Inventory() // hangs only in Reading
	read := make(chan nvml.Reading)
	go func() { read <- m.Devices()[1].Reading() }()
	select {
	case <-read:
		t.Fatal("the reading returned")
	case <-time.After(20 * time.Millisecond):
	}
	m.Close()
	r := <-read
	if got := r.SMMHz.String(); got != "could not tell: NVML was closed" {
		t.Errorf("the clock is %q", got)
	}
	if _, err := m.Events(); err == nil {
		t.Error("there were events after Close")
	}
	if got := m.System().Driver.String(); got != "could not tell: NVML was closed" {
		t.Errorf("the driver is %q", got)
	}
	if err := m.Close(); err != nil {
		t.Errorf("again: %v", err)
	}
}

func TestXidIsReportedOnce(t *testing.T) {
	m, c := machine(t, "h100x2,xid:1:94")
	var got []nvml.Event
	for range 5 {
		events, err := m.Events()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, events...)
		c.wait(0.4)
	}
	if diff := cmp.Diff([]nvml.Event{{Device: 1, Xid: 94}}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
