// Package bench measures what the product costs, on one machine: orders per
// second, latency, CPU, memory and history, and how these grow.
//
// Nothing is measured alone. Each figure is a ratio of two things that had
// their turns one after the other in the same run, many times over: the order
// as shipped, the order on the durable way alone, and the floors of package
// floor, which are workflows that do nothing on the same Temporal server. A
// busier machine slows both sides of a ratio; the table says how busy it was.
//
// The product runs in release form: the programs of `make run` under its
// supervisor, on free ports and data of their own. `make bench` writes the table
// into docs/benchmarks.md. A test goes the same way with a handful of orders, so
// that the instrument does not rot; it judges no time.
//
// It is not for finding out whether the product is right: see test/e2e and
// test/chaos.
package bench
