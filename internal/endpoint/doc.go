// Package endpoint makes the HTTP handlers of a service out of its methods:
//
//	r.POST("/v1/charges", endpoint.Ask(validCharge, s.Charge))
//	r.POST("/v1/charges/refund", endpoint.Tell(http.StatusNoContent, validRefund, s.Refund))
//	r.GET("/v1/payments/:orderId", endpoint.Read("orderId", errNoOrder, s.Payment))
//
// What all of them do in the same way stands here once: bind the body, check
// it, call, answer. Errors are answered by httpserver.Fail.
//
// It is not for requests that are read in another way, such as those with a
// query: their handlers are written with httpserver.
package endpoint
