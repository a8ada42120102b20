// Package edge is what lies between a connection and the routes, alike for all
// of them: security headers, compression, cross-origin requests, HEAD and
// load shedding.
//
// It decides nothing about who may do what (gateway/internal/auth) or how often
// (gateway/internal/ratelimit), and knows no route but by its path.
package edge
