"""Pages below /w/<workspace>/admin/."""

from __future__ import annotations

from django.urls import path

from admin_center.permissions import group_pages, token_views, views

app_name = "permissions"
urlpatterns = [
    path("members/", views.MemberList.as_view(), name="members"),
    path("members/add/", views.MemberAdd.as_view(), name="member-add"),
    path("members/<str:pk>/", views.MemberEdit.as_view(), name="member"),
    path("members/<str:pk>/invite/", views.MemberInvite.as_view(), name="member-invite"),
    path("members/<str:pk>/remove/", views.MemberRemove.as_view(), name="member-remove"),
    path("roles/", views.RoleList.as_view(), name="roles"),
    path("roles/<str:pk>/", views.RoleDetail.as_view(), name="role"),
    path("groups/", group_pages.GroupList.as_view(), name="groups"),
    path("groups/new/", group_pages.NewGroup.as_view(), name="group-new"),
    path("groups/<str:pk>/", group_pages.EditGroup.as_view(), name="group"),
    path("groups/<str:pk>/delete/", group_pages.DeleteGroup.as_view(), name="group-delete"),
    path("tokens/", token_views.TokenList.as_view(), name="tokens"),
    path("tokens/new/", token_views.TokenCreate.as_view(), name="token-create"),
]
