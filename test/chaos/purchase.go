package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Kind is what becomes of an order, or what its customer does.
type Kind string

// The kinds of orders.
const (
	Ships       Kind = "ships"
	Declined    Kind = "is declined"       // the card is
	Refused     Kind = "is refused"        // the carrier does not go there
	Scarce      Kind = "may be sold out"   // more is asked for than there is
	Cancels     Kind = "is cancelled"      // at some moment
	Holds       Kind = "is held"           // and released
	HeldCancels Kind = "is held to cancel" // held, then cancelled
	Twice       Kind = "is sent twice"     // at once, with one key
	Unkeyed     Kind = "has no key"        // and so is not sent again
	CardNumber  Kind = "has a card number" // where a payment method belongs
)

// shares are how many of a hundred orders are of a kind.
var shares = []struct {
	kind  Kind
	share int
}{
	{Ships, 32}, {Declined, 13}, {Refused, 13}, {Scarce, 10}, {Cancels, 14},
	{Holds, 5}, {HeldCancels, 2}, {Twice, 6}, {Unkeyed, 3}, {CardNumber, 2},
}

const (
	declinedMethod = "pm_card_chargeDeclined"
	noRoute        = "00000"
	// plantedCard is a card number that a careless client sends. Nobody may
	// write it down.
	plantedCard = "4000056655665556"
)

// Purchase is an order as its customer makes it.
type Purchase struct {
	Number   int
	Kind     Kind
	Customer Customer
	// Key is the idempotency key, "" for none.
	Key  string
	Body Body
	// Patience is when the customer cancels, or how long the order is held.
	Patience time.Duration
}

// Body is that of POST /v1/orders.
type Body struct {
	CustomerID      string  `json:"customerId"`
	Items           []Item  `json:"items"`
	Payment         Method  `json:"payment"`
	ShippingAddress Address `json:"shippingAddress"`
}

// Item is a line of an order.
type Item struct {
	ProductID string `json:"productId"`
	Quantity  int64  `json:"quantity"`
}

// Method names a payment method.
type Method struct {
	Method string `json:"method"`
}

// Address is where the parcel goes.
type Address struct {
	Name       string `json:"name"`
	Line1      string `json:"line1"`
	City       string `json:"city"`
	PostalCode string `json:"postalCode"`
	Country    string `json:"country"`
}

// Customer has a planted word in everything that is theirs alone.
type Customer struct {
	ID, Mark string
}

// Shop is what is sold, and to whom.
type Shop struct {
	Customers []Customer
	// Stock is what there is at first of each product. Of the scarce ones it is
	// less than what is asked for.
	Stock  map[string]int64
	Scarce []string
	Plenty []string
}

const (
	customers = 40
	products  = 8
)

// NewShop makes the shop of a seed.
func NewShop(settings Settings) Shop {
	shop := Shop{Stock: map[string]int64{}}
	for i := range customers {
		shop.Customers = append(shop.Customers, Customer{
			ID: fmt.Sprintf("chaos-customer-%02d", i), Mark: fmt.Sprintf("%s%02dx", markPrefix, i),
		})
	}
	for i := range products {
		id := fmt.Sprintf("chaos-product-%d", i)
		shop.Stock[id] = int64(settings.Orders) * 20
		shop.Plenty = append(shop.Plenty, id)
	}
	for i := range 2 {
		id := fmt.Sprintf("chaos-rarity-%d", i)
		shop.Stock[id] = max(int64(settings.Orders)/20, 2)
		shop.Scarce = append(shop.Scarce, id)
	}
	return shop
}

// markPrefix begins the planted words. What follows is the customer's number.
const markPrefix = "zqmark"

// Purchases draws all orders of a run.
func (s Shop) Purchases(settings Settings) []Purchase {
	random := rand.New(rand.NewPCG(settings.Seed, 1))
	purchases := make([]Purchase, settings.Orders)
	for i := range purchases {
		purchases[i] = s.purchase(settings, i, random)
	}
	return purchases
}

func (s Shop) purchase(settings Settings, number int, random *rand.Rand) Purchase {
	customer := s.Customers[random.IntN(len(s.Customers))]
	p := Purchase{
		Number: number, Kind: drawKind(random), Customer: customer,
		Key:      fmt.Sprintf("chaos-%d-%s-%d", settings.Seed, settings.Database, number),
		Patience: patience(random),
	}
	p.Body = Body{
		CustomerID: customer.ID,
		Payment:    Method{"pm_card_visa"},
		ShippingAddress: Address{
			Name: "Name " + customer.Mark, Line1: "1 " + customer.Mark + " Street", City: "London", PostalCode: "N1", Country: "GB",
		},
	}
	for _, product := range random.Perm(len(s.Plenty))[:1+random.IntN(3)] {
		p.Body.Items = append(p.Body.Items, Item{s.Plenty[product], 1 + random.Int64N(4)})
	}
	rarity := s.Scarce[random.IntN(len(s.Scarce))]
	switch p.Kind {
	case Declined:
		p.Body.Payment.Method = declinedMethod
	case Refused:
		p.Body.ShippingAddress.PostalCode = noRoute
	case Scarce:
		p.Body.Items = append(p.Body.Items, Item{rarity, 1})
	case Unkeyed:
		p.Key = ""
	case CardNumber:
		p.Body.Payment.Method = plantedCard
	default:
	}
	return p
}

// warmUp is an order that ships, beside those of the run.
func (s Shop) warmUp(settings Settings, number int) Purchase {
	random := rand.New(rand.NewPCG(settings.Seed, uint64(number)))
	p := s.purchase(settings, settings.Orders+number, random)
	p.Kind, p.Key = Ships, fmt.Sprintf("chaos-warm-up-%d", number)
	p.Body.Payment.Method, p.Body.ShippingAddress.PostalCode = "pm_card_visa", "N1"
	p.Body.Items = []Item{{s.Plenty[0], 1}}
	return p
}

func drawKind(random *rand.Rand) Kind {
	drawn := random.IntN(100)
	for _, each := range shares {
		if drawn -= each.share; drawn < 0 {
			return each.kind
		}
	}
	return Ships
}

// patience is mostly so short that it meets the saga in the middle of a step,
// which takes a few milliseconds, and sometimes long enough for faults to keep
// the order under way.
func patience(random *rand.Rand) time.Duration {
	if random.IntN(4) == 0 {
		return time.Duration(random.Int64N(int64(5 * time.Second)))
	}
	return time.Duration(random.Int64N(int64(60 * time.Millisecond)))
}
