package tcp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/commbench/commbench/transport/driver"
)

// hubID tells a hub from all others, also from one that had its port before.
type hubID [16]byte

// address says where an endpoint is: its hub, its number there, and host:port.
type address struct {
	hub      hubID
	endpoint uint32
	host     string
}

const (
	addressMagic = "tcp1"
	maxHost      = 256
)

func (a *address) encode() []byte {
	b := append([]byte(addressMagic), a.hub[:]...)
	b = binary.LittleEndian.AppendUint32(b, a.endpoint)
	return append(b, a.host...)
}

func decodeAddress(b []byte) (address, error) {
	rest, ok := bytes.CutPrefix(b, []byte(addressMagic))
	if !ok || len(rest) < len(hubID{})+4 || len(rest) > len(hubID{})+4+maxHost {
		return address{}, fmt.Errorf("%w: %d bytes", driver.ErrBadAddress, len(b))
	}
	a := address{hub: hubID(rest), endpoint: binary.LittleEndian.Uint32(rest[len(hubID{}):]), host: string(rest[len(hubID{})+4:])}
	// A name would be looked up, wherever that leads to.
	at, err := netip.ParseAddrPort(a.host)
	if err != nil || at.Port() == 0 || at.Addr().IsUnspecified() || at.Addr().IsMulticast() {
		return address{}, fmt.Errorf("%w: %.300q is not the IP address and port of a process", driver.ErrBadAddress, a.host)
	}
	return a, nil
}

// hello is what a connection is for: stream of the hub to a hub.
type hello struct {
	to, from hubID
	stream   uint16
}

// purpose is bound into the proof of a connection, so that it is good for nothing
// else.
const purpose = "data"

const helloSize = 2*len(hubID{}) + 2

func (h *hello) encode() []byte {
	b := append(append([]byte(nil), h.to[:]...), h.from[:]...)
	return binary.LittleEndian.AppendUint16(b, h.stream)
}

func decodeHello(b []byte) (hello, error) {
	if len(b) != helloSize {
		return hello{}, fmt.Errorf("%w: a greeting of %d bytes", errProtocol, len(b))
	}
	h := hello{to: hubID(b), from: hubID(b[len(hubID{}):]), stream: binary.LittleEndian.Uint16(b[2*len(hubID{}):])}
	if h.stream >= maxStreams {
		return hello{}, fmt.Errorf("%w: stream %d of at most %d", errProtocol, h.stream, maxStreams)
	}
	return h, nil
}
