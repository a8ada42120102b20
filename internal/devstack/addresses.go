package devstack

import (
	"path/filepath"
	"strings"
)

// printAddresses shows where everything is, and an order command to paste. The
// starter shows the same after its demonstration.
func (s *Stack) printAddresses() {
	s.screen.line("\n  Gateway      %s", s.GatewayURL())
	if !s.cfg.TemporalExternal {
		s.screen.line("  Temporal UI  http://%s/namespaces/%s/workflows", dialable(s.cfg.TemporalUIAddr), s.cfg.TemporalNamespace)
	}
	s.screen.line("  Consul UI    http://%s/ui", s.ConsulAddr())
	s.screen.line("\nPlace an order (this customer and product come with the demonstration; put yours in their place):\n\n%s", s.orderCommand())
}

// printServing is the last thing that is printed before the system serves.
func (s *Stack) printServing() {
	s.screen.line("\nOrderflow is ready for orders. Logs are in %s.", relative(s.cfg.Root, s.cfg.logDir()))
	s.screen.line("Ctrl-C stops everything; the data stays in %s.", relative(s.cfg.Root, s.cfg.DataDir))
}

// orderBody is the example of the public contract.
const orderBody = `{"customerId": "cust-ada",
 "items": [{"productId": "prod-kettle", "quantity": 2}],
 "payment": {"method": "pm_card_visa"},
 "shippingAddress": {"name": "Ada Lovelace", "line1": "12 St James Square", "city": "London", "postalCode": "SW1Y 4LB", "country": "GB"}}`

// orderCommand is a command for a shell in the project's folder. A data folder
// that is not the default one must be named, for the token's key is in it.
func (s *Stack) orderCommand() string {
	token := "go run ./starter token --subject cust-ada --scope 'orders:read orders:write' | tail -n 1"
	if !s.cfg.dataDirIsDefault() {
		token = "ORDERFLOW_DATA_DIR=" + shellQuote(s.cfg.DataDir) + " " + token
	}
	return `curl -s -X POST ` + s.GatewayURL() + `/v1/orders \
  -H "Authorization: Bearer $(` + token + `)" \
  -H 'Content-Type: application/json' -H 'Prefer: wait=10' \
  -d ` + shellQuote(orderBody)
}

func shellQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// relative shortens a path inside the project for a person.
func relative(root, path string) string {
	short, err := filepath.Rel(root, path)
	if err != nil || strings.HasPrefix(short, "..") {
		return path
	}
	return short
}
