package tcp

import (
	"errors"
	"net"
	"slices"
	"time"
)

// spareStrangers is how many connections may be proving themselves, beyond one for each
// rank that there can be.
const spareStrangers = 64

var (
	errCrowded = errors.New("it proved nothing while many others came")
	errStale   = errors.New("it is for another process, which listened here before")
)

// meet makes room for a connection to prove itself, and says how long it may take. A
// peer takes a moment, so where there are too many the oldest is most likely none.
func (h *hub) meet(conn *net.TCPConn) (patience time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.strangers) >= spareStrangers+h.ranks {
		h.strangers[0].Close()
		h.strangers = slices.Delete(h.strangers, 0, 1)
	}
	h.strangers = append(h.strangers, conn)
	return min(h.patience, strangerTime)
}

// met is the end of that. It is false if the connection had to make room for others.
func (h *hub) met(conn *net.TCPConn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.Index(h.strangers, conn)
	if i >= 0 {
		h.strangers = slices.Delete(h.strangers, i, i+1)
	}
	return i >= 0
}
