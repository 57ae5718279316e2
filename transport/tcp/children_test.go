package tcp_test

import "github.com/commbench/commbench/transport/tcp"

func init() { children[tcp.FailureVar] = tcp.Fail }
