// Command worker hosts the workflows of package floor, as a process of its own,
// for the benchmarks to divide by. It is no part of the product.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"orderflow/test/bench/floor"
)

func main() {
	addr := flag.String("temporal-addr", "127.0.0.1:7233", "address of the Temporal server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := floor.Serve(ctx, *addr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
