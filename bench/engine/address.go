package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// key names a job, from what only its processes have.
func key(engine string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return engine + "-" + hex.EncodeToString(sum[:8])
}

// address joins a host and a port that engines name.
func address(host string, port int) (string, error) {
	if host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"); !isHost(host) {
		return "", fmt.Errorf("%s: expected a host's name or address", plain(host))
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

// splitAddress parses host:port.
func splitAddress(text string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(text)
	n, err2 := strconv.ParseUint(port, 10, 16)
	if err != nil || err2 != nil || n == 0 || !isHost(host) {
		return "", "", errors.New("expected host:port, as in node01:29500 or [::1]:29500")
	}
	return host, port, nil
}

// isHost says whether a text can be a host's name or address; the resolver
// decides whether it is.
func isHost(text string) bool {
	odd := func(r rune) bool {
		return r != '.' && r != '-' && r != '_' && r != ':' && r != '%' &&
			(r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	return text != "" && len(text) <= 253 && !strings.ContainsFunc(text, odd)
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
