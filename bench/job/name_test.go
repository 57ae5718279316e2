package job

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// A name that becomes known is waited for; one that does not is an error in time.
func TestAwaitName(t *testing.T) {
	unknown := &net.DNSError{Err: "no such host", Name: "pod-0", IsNotFound: true}
	tries := 0
	late := func(_ context.Context, host string) ([]string, error) {
		if tries++; tries < 3 {
			return nil, unknown
		}
		return []string{"10.77.0.1"}, nil
	}
	if err := awaitName(t.Context(), "pod-0:29500", time.Minute, late); err != nil || tries != 3 {
		t.Errorf("after %d tries: %v", tries, err)
	}
	never := func(context.Context, string) ([]string, error) { return nil, unknown }
	if err := awaitName(t.Context(), "pod-0:29500", nameRetry/2, never); !errors.As(err, new(*net.DNSError)) || !strings.Contains(err.Error(), "pod-0") {
		t.Errorf("a name that nobody knows: %v", err)
	}
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	if err := awaitName(ctx, "pod-0:29500", time.Minute, never); !errors.Is(err, reason) {
		t.Errorf("cancelled: %v", err)
	}
	if err := awaitName(t.Context(), "pod-0", time.Minute, never); !IsUsage(err) {
		t.Errorf("no port: %v", err)
	}
	for _, address := range []string{"127.0.0.1:1", "[::1]:1"} {
		if err := awaitName(t.Context(), address, 0, net.DefaultResolver.LookupHost); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}
