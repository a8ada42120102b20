package gatewaytest

import (
	"net/http"

	"orderflow/internal/problem"
	"orderflow/starter/internal/gatewayclient"
)

func (g *Gateway) getProduct(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	get(w, r, g.products)
}

func (g *Gateway) putProduct(w http.ResponseWriter, r *http.Request) {
	var product gatewayclient.Product
	if !read(w, r, &product) {
		return
	}
	if product.Name == "" {
		refuse(w, r, problem.New(problem.Invalid, "a value is missing").WithField("/name", "is required"))
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.products[r.PathValue("id")] = product
	respond(w, http.StatusOK, product)
}

func (g *Gateway) getCustomer(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	get(w, r, g.customers)
}

func (g *Gateway) putCustomer(w http.ResponseWriter, r *http.Request) {
	var customer gatewayclient.Customer
	if !read(w, r, &customer) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.customers[r.PathValue("id")] = customer
	w.WriteHeader(http.StatusNoContent)
}

func (g *Gateway) getStock(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	get(w, r, g.stock)
}

func (g *Gateway) putStock(w http.ResponseWriter, r *http.Request) {
	var count struct {
		ProductID string `json:"productId"`
		OnHand    int64  `json:"onHand"`
	}
	if !read(w, r, &count) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	stock, found := g.stock[count.ProductID]
	if found && r.Header.Get("If-None-Match") == "*" {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	if !found {
		stock = &gatewayclient.Stock{ProductID: count.ProductID}
		g.stock[count.ProductID] = stock
	}
	stock.OnHand = count.OnHand
	respond(w, http.StatusCreated, stock)
}

func get[T any](w http.ResponseWriter, r *http.Request, rows map[string]T) {
	row, found := rows[r.PathValue("id")]
	if !found {
		refuse(w, r, problem.New(problem.NotFound, "no such row"))
		return
	}
	respond(w, http.StatusOK, row)
}
