from __future__ import annotations

from django.urls import path

from insight.aipl import flow_pages, pages, users_pages

app_name = "aipl"
urlpatterns = [
    path("new/", pages.NewModel.as_view(), name="new"),
    path("users/", users_pages.Users.as_view(), name="users"),
    path("flow/", flow_pages.FlowPage.as_view(), name="flow"),
    path("<str:pk>/edit/", pages.EditModel.as_view(), name="edit"),
    path("<str:pk>/days/", pages.EarlierDays.as_view(), name="days"),
    path("<str:pk>/flow.csv", flow_pages.FlowCsv.as_view(), name="flow-csv"),
]
