package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"orderflow/starter/internal/demo"
	"orderflow/starter/internal/gatewayclient"
	"orderflow/starter/internal/narrate"
)

type demoCommand struct {
	TemporalUIAddr string `name:"temporal-ui-addr" type:"address" placeholder:"HOST:PORT" help:"Address of the Temporal UI, to print it."`
	ConsulAddr     string `name:"consul-addr" type:"address" placeholder:"HOST:PORT" help:"Address of Consul, to print it."`
}

// Run places the demonstration orders and says how to go on.
func (c *demoCommand) Run(ctx context.Context, s *session) error {
	admin, err := s.gateway(adminSubject, adminScope, 0)
	if err != nil {
		return err
	}
	defer admin.Close()
	bearer, err := s.tokenFor(demo.CustomerID, customerScope)
	if err != nil {
		return err
	}
	err = demo.Run(ctx, demo.Config{
		Admin:    admin,
		Customer: admin.WithToken(bearer),
		NewKey:   uuid.NewString,
		Out:      s.stdout,
		Narrator: s.narrator(),
		Backoff:  s.backoff,

		FixCommand: func(orderID string) string { return s.fixCommand(admin.URL(), orderID) },
	})
	if err != nil {
		return err
	}
	return c.printNextSteps(s, admin.URL())
}

func (c *demoCommand) printNextSteps(s *session, gatewayURL string) error {
	var text strings.Builder
	row := func(label, url string) { fmt.Fprintf(&text, "%-12s %s\n", label, url) }
	row("Gateway", gatewayURL)
	if c.TemporalUIAddr != "" {
		row("Temporal UI", "http://"+c.TemporalUIAddr+"/namespaces/default/workflows")
	}
	if c.ConsulAddr != "" {
		row("Consul UI", "http://"+c.ConsulAddr+"/ui")
	}
	command, err := s.orderCommand(gatewayURL, demo.ExampleOrder())
	if err != nil {
		return err
	}
	fmt.Fprintf(&text, "\nPlace an order yourself:\n\n%s\n", command)
	_, err = fmt.Fprint(s.stdout, text.String())
	return err
}

// orderCommand is a shell command that places the order with curl. It makes
// its token when it runs, so that it can be used for as long as the keys last.
func (s *session) orderCommand(gatewayURL string, placement gatewayclient.Placement) (string, error) {
	body, err := json.Marshal(placement)
	if err != nil {
		return "", fmt.Errorf("encoding the example order: %w", err)
	}
	return s.postCommand(gatewayURL+"/v1/orders", placement.CustomerID, string(body), `-H 'Prefer: wait=10'`), nil
}

// fixCommand is a shell command that gives a demonstration order a card that is
// not declined.
func (s *session) fixCommand(gatewayURL, orderID string) string {
	return s.postCommand(gatewayURL+"/v1/orders/"+orderID+"/fix", demo.CustomerID, `{"payment":{"method":"pm_card_visa"}}`)
}

// postCommand is a shell command that posts a body as a customer.
func (s *session) postCommand(url, customerID, body string, more ...string) string {
	lines := []string{
		`curl -sS -X POST ` + shellQuote(url),
		`-H "Authorization: Bearer ` + s.tokenExpression(customerID) + `"`,
		strings.Join(append([]string{`-H 'Content-Type: application/json'`}, more...), " "),
		`-d ` + shellQuote(body),
	}
	return strings.Join(lines, " \\\n  ")
}

// tokenExpression is what the shell replaces by a token. A token that was
// given is not printed.
func (s *session) tokenExpression(subject string) string {
	if s.settings.Token != "" {
		return "$ORDERFLOW_TOKEN"
	}
	command := "go run ./starter token"
	if s.settings.KeysDir != "" {
		command += " --keys-dir " + shellQuote(s.settings.KeysDir)
	} else if s.settings.DataDir != "./.orderflow" {
		command += " --data-dir " + shellQuote(s.settings.DataDir)
	}
	return fmt.Sprintf(`$(%s --subject %s --scope "%s" 2>/dev/null | tail -n 1)`, command, shellQuote(subject), customerScope)
}

// narrator uses marks beyond ASCII when the locale says that they can be
// shown.
func (s *session) narrator() narrate.Narrator {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value, _ := s.lookupEnv(name); value != "" {
			locale := strings.ToLower(strings.ReplaceAll(value, "-", ""))
			return narrate.Narrator{Unicode: strings.Contains(locale, "utf8")}
		}
	}
	return narrate.Narrator{}
}
