package shop

import (
	"errors"
	"fmt"
)

// Product is what the shop sells.
type Product struct {
	SKU        string `json:"sku"`
	Name       string `json:"name"`
	PriceCents int    `json:"price_cents"`
}

// Catalogue returns all products.
func Catalogue() []Product {
	return []Product{
		{"lamp-desk", "Desk lamp", 4900},
		{"lamp-clip", "Clip-on lamp", 1900},
		{"bulb-e27", "Bulb E27, 806 lm", 690},
		{"bulb-e14", "Bulb E14, 470 lm", 590},
		{"strip-5m", "LED strip, 5 m", 3450},
		{"dimmer", "Dimmer", 2290},
	}
}

func product(sku string) (Product, bool) {
	for _, p := range Catalogue() {
		if p.SKU == sku {
			return p, true
		}
	}
	return Product{}, false
}

// price adds up an order and refuses what cannot be sold.
func price(items []Item) (cents int, err error) {
	if len(items) == 0 {
		return 0, errors.New("the order is empty")
	}
	for _, it := range items {
		p, ok := product(it.SKU)
		if !ok {
			return 0, fmt.Errorf("there is no product %q", it.SKU)
		}
		if it.Quantity < 1 || it.Quantity > 100 {
			return 0, fmt.Errorf("quantity of %s is %d, want 1 to 100", it.SKU, it.Quantity)
		}
		cents += it.Quantity * p.PriceCents
	}
	return cents, nil
}
