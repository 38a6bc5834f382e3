"""Pages of item pools."""

from __future__ import annotations

from django.urls import path

from insight.items import builder, pages

app_name = "items"
urlpatterns = [
    path("", pages.PoolList.as_view(), name="list"),
    path("new/", builder.NewPool.as_view(), name="new"),
    path("builder/fields/<str:dataset>/", builder.Fields.as_view(), name="builder-fields"),
    path("builder/values/<str:dataset>/<path:column>/", builder.Values.as_view(), name="builder-values"),
    path("<str:pk>/", pages.PoolDetail.as_view(), name="detail"),
    path("<str:pk>/card/source/", pages.SourceCard.as_view(), name="source-card"),
    path("<str:pk>/card/menu/", pages.MenuCard.as_view(), name="menu-card"),
    path("<str:pk>/items/", pages.ItemsTable.as_view(), name="items"),
    path("<str:pk>/edit/", builder.EditPool.as_view(), name="edit"),
    path("<str:pk>/refresh/", pages.RefreshPool.as_view(), name="refresh"),
    path("<str:pk>/copy/", pages.CopyPool.as_view(), name="copy"),
    path("<str:pk>/delete/", pages.DeletePool.as_view(), name="delete"),
    path("<str:pk>/export/", pages.Download.as_view(), name="export"),
]
