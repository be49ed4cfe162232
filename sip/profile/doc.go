// Package profile knows kinds of trunks' peers, as data: what each wants otherwise than others, why, and how that is known.
//
// It owns the table, and how a profile fills in what a trunk does not set itself. It must not know how anything of it is
// carried out: that is said by options and policies, which any trunk may set without a profile.
//
//	trunk ─▶ Applied ─▶ trunk with options and policies of its peers' kind, where it had none
package profile
