package sink_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"orderflow/internal/config"
	"orderflow/services/notification/internal/sink"
)

func TestSettingsOfMailThatDoNotFit(t *testing.T) {
	folder := t.TempDir()
	noCertificate := filepath.Join(folder, "empty.pem")
	require.NoError(t, os.WriteFile(noCertificate, nil, 0o600))
	for name, test := range map[string]struct {
		change       func(*sink.SMTPConfig)
		flag, reason string
	}{
		"settings without a server": {func(c *sink.SMTPConfig) { c.Addr = "" }, "smtp-addr", "is required"},
		"no sender":                 {func(c *sink.SMTPConfig) { c.From = "" }, "smtp-from", "is required"},
		"a sender without a domain": {func(c *sink.SMTPConfig) { c.From = "shop" }, "smtp-from", "no mail address"},
		"two senders":               {func(c *sink.SMTPConfig) { c.From = "a@shop.example, b@shop.example" }, "smtp-from", "no mail address"},
		"a sender of two lines":     {func(c *sink.SMTPConfig) { c.From = "a@shop.example\r\n" }, "smtp-from", "no mail address"},
		"a sender beyond ASCII":     {func(c *sink.SMTPConfig) { c.From = "käse@shop.example" }, "smtp-from", "ASCII"},
		"no recipient":              {func(c *sink.SMTPConfig) { c.Recipient = "" }, "smtp-recipient", "{customerId}"},
		"one recipient for all":     {func(c *sink.SMTPConfig) { c.Recipient = "all@shop.example" }, "smtp-recipient", "{customerId}"},
		"a domain for each":         {func(c *sink.SMTPConfig) { c.Recipient = "all@{customerId}.example" }, "smtp-recipient", "before the @"},
		"the customer twice":        {func(c *sink.SMTPConfig) { c.Recipient = "{customerId}+{customerId}@shop.example" }, "smtp-recipient", "once"},
		"a recipient with a name":   {func(c *sink.SMTPConfig) { c.Recipient = "You <{customerId}@shop.example>" }, "smtp-recipient", "no bare mail address"},
		"several recipients":        {func(c *sink.SMTPConfig) { c.Recipient = "{customerId}@a.example,x@b.example" }, "smtp-recipient", "no bare mail address"},
		"a recipient of two lines":  {func(c *sink.SMTPConfig) { c.Recipient = "{customerId}@a.example\r\nRCPT TO:<x>" }, "smtp-recipient", "no bare mail address"},
		"a password for nobody":     {func(c *sink.SMTPConfig) { c.Password = "secret" }, "smtp-username", "is required"},
		"a user without a password": {func(c *sink.SMTPConfig) { c.Username = "shop" }, "smtp-password", "is required"},
		"a password in the clear": {
			func(c *sink.SMTPConfig) { c.Username, c.Password, c.TLS = "shop", "secret", "none" }, "smtp-tls", "in the clear",
		},
		"no file of authorities": {func(c *sink.SMTPConfig) { c.CA = filepath.Join(folder, "none") }, "smtp-ca", "no such file"},
		"an empty one":           {func(c *sink.SMTPConfig) { c.CA = noCertificate }, "smtp-ca", "no certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := good
			test.change(&changed)
			err := changed.Validate()
			var setting *config.SettingError
			require.ErrorAs(t, err, &setting)
			require.Equal(t, test.flag, setting.Flag)
			require.Contains(t, setting.Reason, test.reason)
			require.NotContains(t, err.Error(), "secret")
			if changed.Enabled() {
				_, err = sink.NewSMTP(changed, zap.NewNop())
				require.ErrorAs(t, err, &setting, "nothing is built from it")
			}
		})
	}
}

func TestSettingsOfMailThatFit(t *testing.T) {
	_, authority := certificate(t)
	for name, change := range map[string]func(*sink.SMTPConfig){
		"the least":        func(*sink.SMTPConfig) {},
		"no mail at all":   func(c *sink.SMTPConfig) { *c = sink.SMTPConfig{TLS: "starttls"} },
		"a named sender":   func(c *sink.SMTPConfig) { c.From = "Käse & Co <orders@shop.example>" },
		"a tagged address": func(c *sink.SMTPConfig) { c.Recipient = "customer+{customerId}@shop.example" },
		"a login over TLS": func(c *sink.SMTPConfig) { c.Username, c.Password, c.TLS = "shop", "secret", "tls" },
		"an own authority": func(c *sink.SMTPConfig) { c.CA = authority },
	} {
		t.Run(name, func(t *testing.T) {
			changed := good
			change(&changed)
			require.NoError(t, changed.Validate())
		})
	}
}
