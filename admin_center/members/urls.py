"""Pages outside of any workspace: signing in, one's account, the organization."""

from __future__ import annotations

from django.urls import path

from admin_center.members import account_views, modules_page, organization_views, views

app_name = "members"
urlpatterns = [
    path("", views.landing, name="landing"),
    path("login/", views.sign_in, name="login"),
    path("login/code/", views.two_step, name="two-step"),
    path("logout/", views.sign_out, name="logout"),
    path("welcome/<str:uid>/<str:token>/", views.welcome, name="welcome"),
    path("workspaces/", views.workspaces, name="workspaces"),
    path("start/", views.start, name="start"),
    path("account/", account_views.account, name="account"),
    path("account/password/", account_views.password, name="password"),
    path("account/two-step/", account_views.two_step_setup, name="two-step-setup"),
    path("account/two-step/off/", account_views.two_step_off, name="two-step-off"),
    path("account/two-step/codes/", account_views.recovery_codes, name="recovery-codes"),
    path("account/tokens/", account_views.tokens, name="tokens"),
    path("account/preferences/", account_views.preferences, name="preferences"),
    path("organization/", organization_views.organization, name="organization"),
    path("organization/workspaces/new/", organization_views.create_workspace, name="workspace-create"),
    path(
        "organization/workspaces/<str:workspace_id>/default/",
        organization_views.make_default,
        name="workspace-default",
    ),
    path("organization/modules/", modules_page.ModulesPage.as_view(), name="modules"),
    path("organization/people/", organization_views.people, name="people"),
    path("organization/people/<str:user_id>/", organization_views.change_person, name="person"),
]
