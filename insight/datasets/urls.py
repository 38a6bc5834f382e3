from __future__ import annotations

from django.urls import path

from insight.datasets import views

app_name = "datasets"
urlpatterns = [
    path("", views.DatasetList.as_view(), name="list"),
    path("new/", views.NewDataset.as_view(), name="new"),
    path("<str:pk>/", views.DatasetDetail.as_view(), name="detail"),
    path("<str:pk>/refresh/", views.RefreshDataset.as_view(), name="refresh"),
    path("<str:pk>/default/", views.MakeDefault.as_view(), name="default"),
    path("<str:pk>/delete/", views.DeleteDataset.as_view(), name="delete"),
]
