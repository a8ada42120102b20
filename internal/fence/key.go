package fence

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"

	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema returns the fence's own table. A service passes it to sqlstore.Open
// beside its own schema.
func Schema() sqlstore.Schema { return sqlstore.EmbeddedSchema("fence", migrations) }

// Key names one effect of one order: which order, which step of its saga,
// and which revision of that step. The revision starts at 1 and rises only
// when somebody has accepted a fix (a new card, a new address). A key never
// contains a run or an attempt, so that a retry is the same effect.
type Key struct {
	OrderID  string `json:"orderId"`
	Step     string `json:"step"`
	Revision int    `json:"revision"`
}

var (
	orderIDPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
	stepPattern    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)
)

// Validate returns a problem with one field error for each part that is
// malformed.
func (k Key) Validate() error {
	refused := problem.New(problem.Invalid, "the key of the step is malformed")
	if !orderIDPattern.MatchString(k.OrderID) {
		refused = refused.WithField("/key/orderId", "must match "+orderIDPattern.String())
	}
	if !stepPattern.MatchString(k.Step) {
		refused = refused.WithField("/key/step", "must match "+stepPattern.String())
	}
	if k.Revision < 1 {
		refused = refused.WithField("/key/revision", "must be at least 1")
	}
	if len(refused.Fields) > 0 {
		return refused
	}
	return nil
}

// String is the key in one word, fit for a provider's idempotency key.
func (k Key) String() string {
	return fmt.Sprintf("%s/%s/%d", k.OrderID, k.Step, k.Revision)
}

// hashOf identifies the body of an action. encoding/json writes struct
// fields in their order and map keys sorted, so equal bodies hash equally.
func hashOf(body any) (string, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return "", fmt.Errorf("hashing the body: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
