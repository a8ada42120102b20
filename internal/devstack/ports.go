package devstack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Free ports are chosen from below the ranges that Linux (from 32768) and macOS
// (from 49152) give to outgoing connections. Otherwise such a connection could
// take the port of a server between its end and its restart.
const (
	firstFreePort = 20000
	lastFreePort  = 32767
	portAttempts  = 200
)

// FreeAddrs returns n loopback addresses that nobody listens at, by TCP or UDP.
// Nothing keeps them free: use them soon.
func FreeAddrs(n int) ([]string, error) {
	ports, err := freePorts(n)
	if err != nil {
		return nil, err
	}
	addrs := make([]string, n)
	for i, port := range ports {
		addrs[i] = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	return addrs, nil
}

func freePorts(n int) ([]int, error) {
	var ports []int
	seen := map[int]bool{}
	for range portAttempts {
		if len(ports) == n {
			return ports, nil
		}
		port := firstFreePort + rand.IntN(lastFreePort-firstFreePort+1)
		if !seen[port] && isFree(port) {
			ports = append(ports, port)
		}
		seen[port] = true
	}
	return nil, fmt.Errorf("finding %d free ports from %d to %d: %w", n, firstFreePort, lastFreePort, errNoFreePort)
}

var errNoFreePort = errors.New("too many are taken")

func isFree(port int) bool {
	loopback := net.IPv4(127, 0, 0, 1)
	stream, err := net.ListenTCP("tcp", &net.TCPAddr{IP: loopback, Port: port})
	if err != nil {
		return false
	}
	packets, err := net.ListenUDP("udp", &net.UDPAddr{IP: loopback, Port: port})
	if err != nil {
		_ = stream.Close() // the port is not free anyway
		return false
	}
	return errors.Join(stream.Close(), packets.Close()) == nil
}
