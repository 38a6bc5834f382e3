from __future__ import annotations

from django.urls import path

from cdp.console import folder_pages
from insight.datasets import (
    category_pages,
    naming_pages,
    pages,
    rfm_pages,
    sharing_pages,
    template_pages,
    views,
    wizard,
)
from insight.datasets.folders import folders

app_name = "datasets"
urlpatterns = [
    path("", views.DatasetList.as_view(), name="list"),
    path("new/", wizard.NewDataset.as_view(), name="new"),
    path("rfm/new/", rfm_pages.NewRfm.as_view(), name="rfm-new"),
    path("<str:pk>/rfm/", rfm_pages.EditRfm.as_view(), name="rfm-edit"),
    path("templates/<str:kind>/", template_pages.TemplateFile.as_view(), name="template"),
    path("move/", pages.MoveDatasets.as_view(), name="move"),
    *folder_pages.urls(folders, pages.CHANGE, "datasets:list"),
    path("categories/", category_pages.CategoryList.as_view(), name="categories"),
    path("categories/new/", category_pages.NewCategory.as_view(), name="category-new"),
    path("categories/<str:pk>/", category_pages.EditCategory.as_view(), name="category-edit"),
    path("categories/<str:pk>/delete/", category_pages.DeleteCategory.as_view(), name="category-delete"),
    path("categories/<str:pk>/up/", category_pages.StepCategory.as_view(by=-1), name="category-up"),
    path("categories/<str:pk>/down/", category_pages.StepCategory.as_view(by=1), name="category-down"),
    path("<str:pk>/", views.DatasetDetail.as_view(), name="detail"),
    path("<str:pk>/edit/", wizard.EditDataset.as_view(), name="edit"),
    path("<str:pk>/settings/", pages.RefreshSettings.as_view(), name="settings"),
    path("<str:pk>/sharing/", sharing_pages.Sharing.as_view(), name="sharing"),
    path("<str:pk>/sharing/new/", sharing_pages.NewGrant.as_view(), name="grant-new"),
    path("<str:pk>/sharing/<str:grant>/", sharing_pages.EditGrant.as_view(), name="grant-edit"),
    path("<str:pk>/sharing/<str:grant>/remove/", sharing_pages.Revoke.as_view(), name="grant-remove"),
    path("<str:pk>/rename/", pages.RenameDataset.as_view(), name="rename"),
    path("<str:pk>/copy/", pages.CopyDataset.as_view(), name="copy"),
    path("<str:pk>/names/", naming_pages.Names.as_view(), name="names"),
    path("<str:pk>/names/new/", naming_pages.NewNames.as_view(), name="names-new"),
    path("<str:pk>/names/<int:names>/remove/", naming_pages.RemoveNames.as_view(), name="names-remove"),
    path("<str:pk>/refresh/", views.RefreshDataset.as_view(), name="refresh"),
    path("<str:pk>/default/", views.MakeDefault.as_view(), name="default"),
    path("<str:pk>/delete/", views.DeleteDataset.as_view(), name="delete"),
]
