// Package smoke drives the product with Knock's Go SDK and compares what comes back.
//
// The client finds the product by the SDK's own variables, KNOCK_BASE_URL and KNOCK_API_KEY; ids
// that the product chose are in the file that SDK_TESTS_FACTS names (tests/sdk/target.py).
package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/knocklabs/knock-go"
	"github.com/knocklabs/knock-go/option"
	"github.com/knocklabs/knock-go/shared"
)

var (
	ctx    = context.Background()
	client = knock.NewClient()
	ids    = facts()
)

func facts() map[string]string {
	var found struct{ IDs map[string]string }
	content, err := os.ReadFile(os.Getenv("SDK_TESTS_FACTS"))
	if err == nil {
		err = json.Unmarshal(content, &found)
	}
	if err != nil {
		panic(err)
	}
	return found.IDs
}

// must returns what a call answered, and ends the test where it answered an error.
func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func equal(t *testing.T, what string, got, wanted any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(wanted) {
		t.Errorf("%s: got %v, not %v", what, got, wanted)
	}
}

// refused returns the error of an answer, which has to be of the status.
func refused(t *testing.T, err error, status int) *knock.Error {
	t.Helper()
	var refusal *knock.Error
	if !errors.As(err, &refusal) || refusal.StatusCode != status {
		t.Fatalf("expected status %d, got %v", status, err)
	}
	return refusal
}

func inline(id, name string) knock.RecipientRequestParam {
	return knock.RecipientRequestParam{ID: knock.F(id), Name: knock.F(name)}
}

func reference(collection, id string) knock.RecipientReferenceObjectReferenceParam {
	return knock.RecipientReferenceObjectReferenceParam{
		ID: knock.F(id), Collection: knock.F(collection),
	}
}

func TestUsers(t *testing.T) {
	for _, id := range []string{"go|1", "go@2", "go 3"} {
		user := must[*knock.User](t)(client.Users.Update(ctx, id, knock.UserUpdateParams{
			IdentifyUserRequest: knock.IdentifyUserRequestParam{
				Name:        knock.F("Gopher"),
				Email:       knock.F("gopher@example.com"),
				ExtraFields: map[string]interface{}{"plan": map[string]any{"seats": 3}},
			},
		}))
		equal(t, "id", user.ID, id)
		equal(t, "name", must[*knock.User](t)(client.Users.Get(ctx, id)).Name, "Gopher")
	}
	found := map[string]bool{}
	pages := client.Users.ListAutoPaging(ctx, knock.UserListParams{PageSize: knock.F(int64(2))})
	for pages.Next() {
		found[pages.Current().ID] = true
	}
	equal(t, "error of the pager", pages.Err(), nil)
	equal(t, "listed", found["go|1"] && found["go@2"] && found["go 3"] && found["user_id"], true)
	merged := must[*knock.User](t)(client.Users.Merge(ctx, "go|1", knock.UserMergeParams{
		FromUserID: knock.F("go@2"),
	}))
	equal(t, "merged", merged.ID, "go|1")
	if err := client.Users.Delete(ctx, "go 3"); err != nil {
		t.Fatal(err)
	}
	_, err := client.Users.Get(ctx, "go 3")
	refused(t, err, http.StatusNotFound)
}

func TestChannelDataAndPreferences(t *testing.T) {
	push := ids["sandbox-push"]
	data := must[*knock.ChannelData](t)(client.Users.SetChannelData(ctx, "user_1", push,
		knock.UserSetChannelDataParams{ChannelDataRequest: knock.ChannelDataRequestParam{
			Data: knock.F[knock.ChannelDataRequestDataUnionParam](
				knock.PushChannelDataTokensOnlyParam{Tokens: knock.F([]string{"a", "b"})}),
		}}))
	equal(t, "channel", data.ChannelID, push)
	if err := client.Users.UnsetChannelData(ctx, "user_1", push); err != nil {
		t.Fatal(err)
	}
	_, err := client.Users.GetChannelData(ctx, "user_1", push)
	refused(t, err, http.StatusNotFound)

	set := must[*knock.PreferenceSet](t)(client.Users.SetPreferences(ctx, "user_1", "default",
		knock.UserSetPreferencesParams{PreferenceSetRequest: knock.PreferenceSetRequestParam{
			ChannelTypes: knock.F(knock.PreferenceSetChannelTypesParam{
				Email: knock.F[knock.PreferenceSetChannelTypesEmailUnionParam](shared.UnionBool(false)),
			}),
			Workflows: knock.F(map[string]knock.PreferenceSetRequestWorkflowsUnionParam{
				"workflow": shared.UnionBool(true),
			}),
		}}))
	equal(t, "e-mail", set.ChannelTypes.Email, shared.UnionBool(false))
	equal(t, "workflow", set.Workflows["workflow"], shared.UnionBool(true))
	listed := must[*[]knock.PreferenceSet](t)(client.Users.ListPreferences(ctx, "user_1"))
	equal(t, "sets", len(*listed), 1)
}

func TestObjectsAndTenants(t *testing.T) {
	object := must[*knock.Object](t)(client.Objects.Set(ctx, "repositories", "go", knock.ObjectSetParams{
		Name: knock.F("Go"),
	}))
	equal(t, "object", object.ID, "go")
	followers := []knock.RecipientRequestUnionParam{
		shared.UnionString("user_1"), inline("go-follower", "Follower"),
	}
	made := must[*[]knock.Subscription](t)(client.Objects.AddSubscriptions(ctx, "repositories", "go",
		knock.ObjectAddSubscriptionsParams{
			Recipients: knock.F(followers), Properties: knock.F(map[string]any{"role": "owner"}),
		}))
	equal(t, "made", len(*made), 2)
	pages := client.Objects.ListSubscriptionsAutoPaging(ctx, "repositories", "go",
		knock.ObjectListSubscriptionsParams{PageSize: knock.F(int64(1))})
	count := 0
	for pages.Next() {
		count++
		equal(t, "role", pages.Current().Properties["role"], "owner")
	}
	equal(t, "followers", count, 2)
	gone := must[*[]knock.Subscription](t)(client.Objects.DeleteSubscriptions(ctx, "repositories", "go",
		knock.ObjectDeleteSubscriptionsParams{
			Recipients: knock.F([]knock.RecipientReferenceUnionParam{shared.UnionString("user_1")}),
		}))
	equal(t, "gone", len(*gone), 1)

	tenant := must[*knock.Tenant](t)(client.Tenants.Set(ctx, "go-tenant", knock.TenantSetParams{
		Name: knock.F("Go"),
		Settings: knock.F(knock.TenantSetParamsSettings{
			Branding: knock.F(knock.TenantSetParamsSettingsBranding{PrimaryColor: knock.F("#00add8")}),
		}),
	}))
	equal(t, "tenant", tenant.ID, "go-tenant")
	found := must[*knock.Tenant](t)(client.Tenants.Get(ctx, "go-tenant", knock.TenantGetParams{}))
	equal(t, "colour", found.Settings.Branding.PrimaryColor, "#00add8")
}

func TestTrigger(t *testing.T) {
	body := knock.WorkflowTriggerParams{
		Recipients: knock.F([]knock.RecipientRequestUnionParam{
			shared.UnionString("user_1"), inline("go-new", "New"),
		}),
		Actor:           knock.F[knock.RecipientRequestUnionParam](shared.UnionString("mr_dna")),
		Tenant:          knock.F[knock.InlineTenantRequestUnionParam](shared.UnionString("acme_corp")),
		CancellationKey: knock.F("go"),
		Data:            knock.F(map[string]any{"number": 1}),
	}
	key := option.WithHeader("Idempotency-Key", fmt.Sprint("go-", time.Now().UnixNano()))
	var again *http.Response
	first := must[*knock.WorkflowTriggerResponse](t)(client.Workflows.Trigger(ctx, "workflow", body, key))
	second := must[*knock.WorkflowTriggerResponse](t)(
		client.Workflows.Trigger(ctx, "workflow", body, key, option.WithResponseInto(&again)))
	equal(t, "run of the repeated trigger", second.WorkflowRunID, first.WorkflowRunID)
	equal(t, "replayed", again.Header.Get("Idempotent-Replayed"), "true")
	err := client.Workflows.Cancel(ctx, "workflow", knock.WorkflowCancelParams{
		CancellationKey: knock.F("go"),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSchedules(t *testing.T) {
	made := must[*[]knock.Schedule](t)(client.Schedules.New(ctx, knock.ScheduleNewParams{
		Workflow: knock.F("workflow"),
		Recipients: knock.F([]knock.RecipientRequestUnionParam{
			inline("go-planned", "Planned"),
		}),
		Repeats: knock.F([]knock.ScheduleRepeatRuleParam{{
			Frequency: knock.F(knock.ScheduleRepeatRuleFrequencyWeekly),
			Days:      knock.F([]knock.ScheduleRepeatRuleDay{knock.ScheduleRepeatRuleDayMon}),
			Hours:     knock.F(int64(9)),
		}},
		),
	}))
	equal(t, "made", len(*made), 1)
	listed := must[*[]string](t)(scheduled("go-planned"))
	equal(t, "listed", *listed, []string{(*made)[0].ID})
	deleted := must[*[]knock.Schedule](t)(client.Schedules.Delete(ctx, knock.ScheduleDeleteParams{
		ScheduleIDs: knock.F(*listed),
	}))
	equal(t, "deleted", (*deleted)[0].ID, (*made)[0].ID)
}

func scheduled(user string) (*[]string, error) {
	found := []string{}
	pages := client.Schedules.ListAutoPaging(ctx, knock.ScheduleListParams{
		Workflow:   knock.F("workflow"),
		Recipients: knock.F([]knock.RecipientReferenceUnionParam{shared.UnionString(user)}),
	})
	for pages.Next() {
		found = append(found, pages.Current().ID)
	}
	return &found, pages.Err()
}

func TestMessagesAndFeed(t *testing.T) {
	feed := must[*knock.UserFeedGetSettingsResponse](t)(
		client.Users.Feeds.GetSettings(ctx, "user_id", ids["in-app"]))
	equal(t, "branding", feed.Features.BrandingRequired, false)
	items := client.Users.Feeds.ListItemsAutoPaging(ctx, "user_id", ids["in-app"],
		knock.UserFeedListItemsParams{PageSize: knock.F(int64(1))})
	count := 0
	for items.Next() {
		count++
		equal(t, "source", items.Current().Source.Key, "key")
	}
	equal(t, "error of the pager", items.Err(), nil)
	equal(t, "items", count, 3)
	message := must[*knock.Message](t)(client.Messages.MarkAsRead(ctx, ids["message"]))
	equal(t, "read", message.ReadAt.IsZero(), false)
	message = must[*knock.Message](t)(client.Messages.MarkAsUnread(ctx, ids["message"]))
	equal(t, "read", message.ReadAt.IsZero(), true)
	archived := must[*[]knock.Message](t)(client.Messages.Batch.Archive(ctx,
		knock.MessageBatchArchiveParams{MessageIDs: knock.F([]string{ids["message"], ids["message_2"]})}))
	equal(t, "archived", len(*archived), 2)
	listed := must[*[]string](t)(messages())
	equal(t, "archived ones", len(*listed), 2)
}

func messages() (*[]string, error) {
	found := []string{}
	pages := client.Messages.ListAutoPaging(ctx, knock.MessageListParams{
		EngagementStatus: knock.F([]knock.MessageListParamsEngagementStatus{
			knock.MessageListParamsEngagementStatusArchived,
		}),
		MessageIDs: knock.F([]string{ids["message"], ids["message_2"], ids["message_3"]}),
		PageSize:   knock.F(int64(1)),
	})
	for pages.Next() {
		found = append(found, pages.Current().ID)
	}
	return &found, pages.Err()
}

func TestAudiencesAndBulk(t *testing.T) {
	err := client.Audiences.AddMembers(ctx, "go-audience", knock.AudienceAddMembersParams{
		CreateAudience: knock.F(true),
		Members: knock.F([]knock.AudienceAddMembersParamsMember{{
			User: knock.F(knock.InlineIdentifyUserRequestParam{ID: knock.F("go-member")}),
		}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	members := must[*knock.AudienceListMembersResponse](t)(client.Audiences.ListMembers(ctx, "go-audience"))
	equal(t, "member", members.Entries[0].UserID, "go-member")
	operation := must[*knock.BulkOperation](t)(client.Tenants.Bulk.Set(ctx, knock.TenantBulkSetParams{
		Tenants: knock.F([]knock.InlineTenantRequestUnionParam{shared.UnionString("go-bulk")}),
	}))
	found := must[*knock.BulkOperation](t)(client.BulkOperations.Get(ctx, operation.ID))
	equal(t, "name", found.Name, "tenants.set")
}

func TestGuides(t *testing.T) {
	shown := must[*knock.UserGuideGetChannelResponse](t)(client.Users.Guides.GetChannel(ctx,
		"user_id", ids["in-app-guide"], knock.UserGuideGetChannelParams{Data: knock.F(`{"a": 1}`)}))
	equal(t, "guide", shown.Entries[0].Key, "tour_notification")
}

func TestWorkspaces(t *testing.T) {
	owner := knock.F(`{"object_id": "tenant", "collection": "$tenants"}`)
	checked := must[*knock.ProviderSlackCheckAuthResponse](t)(client.Providers.Slack.CheckAuth(ctx,
		ids["slack"], knock.ProviderSlackCheckAuthParams{AccessTokenObject: owner}))
	equal(t, "connected", checked.Connection.Ok, true)
	channels := client.Providers.Slack.ListChannelsAutoPaging(ctx, ids["slack"],
		knock.ProviderSlackListChannelsParams{
			AccessTokenObject: owner,
			QueryOptions:      knock.F(knock.ProviderSlackListChannelsParamsQueryOptions{Limit: knock.F(int64(1))}),
		})
	count := 0
	for channels.Next() {
		count++
	}
	equal(t, "error of the pager", channels.Err(), nil)
	equal(t, "channels on two pages", count, 2)
}

func TestErrors(t *testing.T) {
	_, err := client.Workflows.Trigger(ctx, "workflow", knock.WorkflowTriggerParams{
		Recipients: knock.F([]knock.RecipientRequestUnionParam{}),
	})
	refusal := refused(t, err, http.StatusUnprocessableEntity)
	var body struct {
		Code   string
		Errors []struct{ Field string }
	}
	if err := json.Unmarshal([]byte(refusal.JSON.RawJSON()), &body); err != nil {
		t.Fatal(err)
	}
	equal(t, "code", body.Code, "invalid_params")
	equal(t, "field", body.Errors[0].Field, "recipients")
	_, err = client.Users.Get(ctx, "user_id", option.WithAPIKey("sk_of_nobody"))
	refused(t, err, http.StatusUnauthorized)
}
