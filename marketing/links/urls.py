from __future__ import annotations

from django.urls import path

from marketing.links import domain_views, outcome_views, views

app_name = "links"
urlpatterns = [
    path("", views.LinkList.as_view(), name="list"),
    path("choice/", views.LinkChoice.as_view(), name="choice"),
    path("new/", views.NewLink.as_view(), name="new"),
    path("table/", outcome_views.ClicksTable.as_view(), name="table"),
    path("domains/", domain_views.DomainList.as_view(), name="domains"),
    path("domains/new/", domain_views.NewDomain.as_view(), name="new-domain"),
    path("<str:pk>/", views.LinkDetail.as_view(), name="detail"),
    path("<str:pk>/rename/", views.RenameLink.as_view(), name="rename"),
    path("<str:pk>/extend/", views.ExtendLink.as_view(), name="extend"),
    path("<str:pk>/stop/", views.StopLink.as_view(), name="stop"),
    path("<str:pk>/delete/", views.DeleteLink.as_view(), name="delete"),
    path("<str:pk>/clicks/", outcome_views.LinkClicks.as_view(), name="clicks"),
    path("<str:pk>/people/", outcome_views.PeopleLinks.as_view(), name="people"),
    path("<str:pk>/audience/", outcome_views.LinkAudience.as_view(), name="audience"),
]
