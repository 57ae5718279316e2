package tcp

import (
	"maps"
	"slices"
	"time"
)

// forget leaves out a connection that has ended.
func (h *hub) forget(in *inbound) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.inbound, in.number)
	h.listInbound()
}

// listInbound makes the list of those to be polled. The caller has mu.
func (h *hub) listInbound() {
	all := slices.Collect(maps.Values(h.inbound))
	h.ins.Store(&all)
}

// mostPolled bounds the connections that a poll looks at, each with a system call. Where
// there are more, one call says first which have something.
const mostPolled = 8

// poll carries out what has come, and says whether there was anything.
func (h *hub) poll() (some bool) {
	ins := h.ins.Load()
	if ins == nil || len(*ins) == 0 {
		return false
	}
	h.polls.Add(1)
	if h.resting.Load() && h.resting.CompareAndSwap(true, false) {
		select {
		case h.wakeup <- struct{}{}:
		default:
		}
	}
	if len(*ins) <= mostPolled {
		for _, in := range *ins {
			some = in.poll() || some
		}
		return some
	}
	var ready [mostPolled]uint32
	for _, number := range ready[:h.watch.ready(&ready)] {
		if in := h.numbered(number); in != nil {
			some = in.poll() || some
		}
	}
	return some
}

// polled says whether somebody polls, so that the watch need not.
func (h *hub) polled() bool { return !h.resting.Load() }

// rest is for who has polled and does so no more: the watch looks after all again.
func (h *hub) rest() {
	if h.resting.Swap(true) {
		return
	}
	if ins := h.ins.Load(); ins != nil {
		for _, in := range *ins {
			in.sleep()
		}
	}
}

// careEvery is how often it is seen whether somebody who polled still does. Who does
// not, and did not say so, finds out within two of these what has come meanwhile.
const careEvery = time.Millisecond

// care rests when nobody has polled for a while.
func (h *hub) care() {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for seen := uint32(0); ; {
		select {
		case <-h.ctx.Done():
			return
		case <-h.wakeup:
			tick.Reset(careEvery)
		case <-tick.C:
			n := h.polls.Load()
			if n == seen {
				h.rest()
				tick.Reset(time.Hour)
			}
			seen = n
		}
	}
}

// call calls the connection of a number, which has asked for it.
func (h *hub) call(number uint32) {
	if in := h.numbered(number); in != nil {
		in.armed.Store(false)
		in.call()
	}
}

// numbered is the connection of a number, or nil if it has ended.
func (h *hub) numbered(number uint32) *inbound {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.inbound[number]
}
