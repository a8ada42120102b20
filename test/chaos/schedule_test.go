package chaos

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// drawn is the schedule of a first run.
func drawn(settings Settings) []Fault {
	return Draw(settings, NewDeck(settings.Seed, Cells(settings.Database), Coverage{}))
}

func TestASeedGivesOneScheduleAndOneSetOfOrders(t *testing.T) {
	settings := Settings{Seed: 7, Database: SQLite, Orders: 300, Faults: 60, Lasts: 5 * time.Minute}
	assert.Equal(t, drawn(settings), drawn(settings))
	assert.Equal(t, NewShop(settings).Purchases(settings), NewShop(settings).Purchases(settings))
	other := settings
	other.Seed++
	assert.NotEqual(t, drawn(settings), drawn(other))
	assert.NotEqual(t, NewShop(settings).Purchases(settings), NewShop(other).Purchases(other))
}

func TestFaultsKeepToTheirTime(t *testing.T) {
	for seed := range uint64(50) {
		settings := Brief(seed, SQLite)
		schedule := drawn(settings)
		require.Len(t, schedule, settings.Faults)
		for i, fault := range schedule {
			assert.Equal(t, i+1, fault.Number)
			assert.LessOrEqual(t, fault.At, time.Duration(float64(settings.Lasts)*faulty))
			if fault.Way == Aimed {
				assert.NotEmpty(t, fault.Cells, "%v", fault)
				for _, cell := range fault.Cells {
					assert.Equal(t, fault.Cells[0].Aim, cell.Aim, "%v", fault)
					assert.Empty(t, cell.Impossible(SQLite), "%v", fault)
				}
			} else {
				assert.NotEmpty(t, fault.Target, "%v", fault)
			}
			assert.Less(t, fault.Lasts, 7*time.Second, "it is a short run")
		}
	}
}

func TestEveryCellCanHappenOrHasAReason(t *testing.T) {
	assert.Contains(t, Cells(SQLite), Cell{KillService, "ChargePayment", During})
	assert.NotContains(t, Cells(SQLite), Cell{KillDatabase, "ChargePayment", During})
	assert.Contains(t, Cells(Postgres), Cell{KillDatabase, "ChargePayment", During})
	assert.Contains(t, Cells(SQLite), Cell{Late, "ShipOrder", Before})
	assert.Equal(t, "the gateway has no transaction", Cell{KillService, Accept, During}.Impossible(SQLite))
	assert.NotEmpty(t, Cell{Late, "CommitInventory", Before}.Impossible(SQLite), "it is not undone")
	assert.Contains(t, Cells(Postgres), Cell{PanicActivity, "ShipOrder", After})
	assert.NotContains(t, Cells(Postgres), Cell{PanicActivity, "ShipOrder", During})
	assert.NotContains(t, Cells(Postgres), Cell{FillDisk, "ShipOrder", During})
}

func TestACallBelongsToTheStepOfItsRoute(t *testing.T) {
	tests := []struct{ service, method, path, step string }{
		{"gateway", http.MethodPost, "/v1/orders", Accept},
		{"order", http.MethodPost, "/v1/orders", "CreateOrder"},
		{"order", http.MethodPost, "/v1/orders/order-1/ship", "CompleteOrder"},
		{"payment", http.MethodPost, "/v1/charges/refund", "RefundPayment"},
		{"payment", http.MethodGet, "/v1/charges", ""},
		{"gateway", http.MethodPost, "/v1/orders/order-1/cancel", ""},
		{"order", http.MethodPost, "/v1/orders/order-1/interventions", ""},
	}
	for _, test := range tests {
		effect, _ := EffectOf(test.service, httptest.NewRequest(test.method, test.path, nil))
		assert.Equal(t, test.step, effect.Step, "%v", test)
	}
}
