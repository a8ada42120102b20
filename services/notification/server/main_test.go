package main

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/config"
	"orderflow/services/notification/internal/sink"
)

func load(environment map[string]string, args ...string) (settings, error) {
	var got settings
	lookup := func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}
	_, err := config.Load("notification", "", &got, args, lookup, io.Discard)
	return got, err
}

func mailEnvironment(changes map[string]string) map[string]string {
	environment := map[string]string{
		"ORDERFLOW_SMTP_ADDR": "mail.example:587", "ORDERFLOW_SMTP_FROM": "orders@shop.example",
		"ORDERFLOW_SMTP_RECIPIENT": "{customerId}@customers.shop.example",
		"ORDERFLOW_SMTP_USERNAME":  "shop", "ORDERFLOW_SMTP_PASSWORD": "secret",
	}
	for name, value := range changes {
		environment[name] = value
	}
	return environment
}

func TestMessagesGoToAFileUnlessThereIsAMailServer(t *testing.T) {
	got, err := load(nil)
	require.NoError(t, err)
	require.False(t, got.SMTP.Enabled())

	got, err = load(mailEnvironment(nil))
	require.NoError(t, err)
	require.Equal(t, sink.SMTPConfig{
		Addr: "mail.example:587", From: "orders@shop.example", Recipient: "{customerId}@customers.shop.example",
		Username: "shop", Password: "secret", TLS: "starttls", Timeout: 10 * time.Second,
	}, got.SMTP)
}

func TestAWrongSettingOfMailIsOneLine(t *testing.T) {
	for name, test := range map[string]struct {
		variable, value, flag, reason string
	}{
		"address without a port":      {"ORDERFLOW_SMTP_ADDR", "mail.example", "smtp-addr", "host:port"},
		"sender that is none":         {"ORDERFLOW_SMTP_FROM", "shop", "smtp-from", "no mail address"},
		"recipient without customer":  {"ORDERFLOW_SMTP_RECIPIENT", "all@shop.example", "smtp-recipient", "{customerId}"},
		"unknown encryption":          {"ORDERFLOW_SMTP_TLS", "ssl", "smtp-tls", `"ssl" is none of none, starttls, tls`},
		"password in the clear":       {"ORDERFLOW_SMTP_TLS", "none", "smtp-tls", "in the clear"},
		"username without a password": {"ORDERFLOW_SMTP_PASSWORD", "", "smtp-password", "is required"},
		"authorities that are none":   {"ORDERFLOW_SMTP_CA", "main_test.go", "smtp-ca", "no certificate"},
		"long timeout":                {"ORDERFLOW_SMTP_TIMEOUT", "1m", "smtp-timeout", "more than 15s"},
		"no timeout":                  {"ORDERFLOW_SMTP_TIMEOUT", "0s", "smtp-timeout", "less than 100ms"},
		"a file beside the server":    {"ORDERFLOW_SINK", "out.jsonl", "sink", "not to both"},
		"no server":                   {"ORDERFLOW_SMTP_ADDR", "", "smtp-addr", "is required"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(mailEnvironment(map[string]string{test.variable: test.value}))
			var setting *config.SettingError
			require.True(t, errors.As(err, &setting), "%v", err)
			require.Equal(t, test.flag, setting.Flag)
			require.Contains(t, setting.Reason, test.reason)
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), "secret")
		})
	}
}
