package job

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// nameRetry is how often a name that nobody knows is looked up again.
const nameRetry = 250 * time.Millisecond

// awaitName returns when the host of an address is known. That may be only some time
// after it was started, as with a pod, so it is looked up until the timeout.
func awaitName(ctx context.Context, address string, timeout time.Duration, lookUp func(ctx context.Context, host string) ([]string, error)) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return usagef("a rendezvous at %q: %w", address, err)
	}
	until := time.Now().Add(timeout)
	for {
		_, err := lookUp(ctx, host)
		if err == nil {
			return nil
		}
		var unknown *net.DNSError
		if !errors.As(err, &unknown) || time.Now().Add(nameRetry).After(until) {
			return fmt.Errorf("no host %q, of the rendezvous at %s, within %v: %w; see whether process 0 was started there, or give its IP address", host, address, timeout, err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(nameRetry):
		}
	}
}
